"""Vectors: stored and read back, compared by bits first; and search by meaning beside words."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

import pytest

from apps.accounts.models import Person
from apps.knowledge import embedding, rebuilding, vectors
from apps.knowledge.models import Chunk, Document
from apps.knowledge.search import search
from apps.llm import gateway
from apps.llm.errors import Overloaded
from apps.llm.models import LanguageModel
from apps.llm.shapes import Purpose
from apps.skills.testing import FakeRights
from tests.knowledge.conftest import Put

SIZE = 256
EVERYTHING = FakeRights(("knowledge.*", "model.use.*"))
#: What the stand-in takes for one thing.
MEANINGS = (("晚饭", "晚餐", "dinner"), ("领证", "结婚", "婚假"), ("锁屏", "自动锁定"))


def vector(text: str) -> list[float]:
    """A stand-in of an embedding model: texts about one thing point in one direction."""
    source = random.Random(hashlib.sha256(text.encode()).digest())
    found = [source.gauss(0, 1) for _ in range(SIZE)]
    for number, names in enumerate(MEANINGS):
        if any(name in text for name in names):
            same = random.Random(number)
            found = [0.3 * x + same.gauss(0, 1) for x in found]
    return found


class Embedder:
    """Takes the place of the gateway's call; `fails` as a vendor would."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], Purpose, str]] = []
        self.fails = False

    def __call__(
        self, texts: Sequence[str], purpose: Purpose, model: str = ""
    ) -> list[list[float]]:
        self.asked.append((list(texts), purpose, model))
        if self.fails:
            raise Overloaded("503", model=model)
        return [vector(text) for text in texts]


@pytest.fixture
def embedder(db: None, monkeypatch: pytest.MonkeyPatch) -> Embedder:
    """An embedding model called `vec` behind the gateway."""
    LanguageModel.objects.create(
        name="vec", kind="embedding", base_url="http://127.0.0.1:9/v1", model="bge", default=True
    )
    found = Embedder()
    monkeypatch.setattr(gateway, "embed", found, raising=False)
    return found


def test_a_vector_comes_back_as_it_was() -> None:
    made = vectors.unit([3.0, 4.0])
    assert vectors.packed(made) == b"\x9a\x99\x19?\xcd\xccL?"
    assert vectors.unpacked(vectors.packed(made)) == made
    assert vectors.cosine(made, made) == pytest.approx(1.0)
    assert vectors.signs([1.0, -1.0, 0.5]) == bytes([0b101])
    for bad in ([], [0.0, 0.0], [float("nan")]):
        with pytest.raises(ValueError, match="no vector"):
            vectors.unit(bad)


def test_the_nearest_by_bits_hold_the_nearest_by_cosine() -> None:
    source = random.Random(7)
    centres = [[source.gauss(0, 1) for _ in range(SIZE)] for _ in range(40)]
    some = [vectors.unit([x + source.gauss(0, 0.8) for x in centres[n % 40]]) for n in range(2000)]
    question = vectors.unit([x + source.gauss(0, 0.8) for x in centres[3]])
    near = vectors.nearest(
        vectors.signs(question), ((n, vectors.signs(one)) for n, one in enumerate(some))
    )
    exact = sorted(range(2000), key=lambda n: -vectors.cosine(question, some[n]))[:10]
    assert set(exact) <= set(near.keys)
    assert near.stands_out(0, 0.0)
    noise = vectors.unit([source.gauss(0, 1) for _ in range(SIZE)])
    far = vectors.nearest(
        vectors.signs(noise), ((n, vectors.signs(one)) for n, one in enumerate(some))
    )
    assert sum(far.stands_out(place, 0.0) for place in range(10)) <= 5


def test_what_has_no_word_in_common_is_found_by_its_meaning(put: Put, embedder: Embedder) -> None:
    put("a", "仓库.txt", "一号仓库的货架编号规则")
    put("a", "食堂.txt", "晚餐时间为 17:30 至 19:00。")
    assert [hit.document for hit in search("晚饭", EVERYTHING)] == ["食堂.txt"]
    without = FakeRights(("knowledge.*",))  # who may not ask the model finds by words
    assert search("晚饭", without) == []
    texts, purpose, model = embedder.asked[-1]
    assert (texts, model) == (["晚饭"], "vec")
    assert purpose.why == "knowledge"


def test_words_and_meaning_are_merged(put: Put, embedder: Embedder) -> None:
    put("a", "一.txt", "晚餐时间为 17:30。")
    put("a", "二.txt", "值班人员的晚饭由食堂提供。")
    found = [hit.document for hit in search("晚饭", EVERYTHING)]
    assert found == ["二.txt", "一.txt"]  # both ways found the first


def test_vectors_are_no_way_around_rights(put: Put, embedder: Embedder) -> None:
    put("hr", "食堂.txt", "晚餐时间为 17:30。")
    put("open", "别的.txt", "仓库货架")
    assert search("晚饭", FakeRights(("knowledge.read.open", "model.use.*"))) == []


def test_vectors_of_what_is_not_ready_are_not_compared(put: Put, embedder: Embedder) -> None:
    document = put("a", "食堂.txt", "晚餐时间为 17:30。")
    put("a", "别的.txt", "仓库货架")
    Document.objects.filter(pk=document.pk).update(state="waiting")
    assert search("晚饭", EVERYTHING) == []


def test_a_model_that_fails_leaves_the_words(put: Put, embedder: Embedder, bob: Person) -> None:
    embedder.fails = True
    document = put("a", "食堂.txt", "晚餐时间为 17:30。")
    assert document.state == "ready"
    assert "overloaded" in document.reason("en")
    assert [hit.document for hit in search("晚餐", EVERYTHING)] == ["食堂.txt"]
    assert not Chunk.objects.exclude(vector_by="").exists()
    embedder.fails = False
    assert rebuilding.rebuild(vectors=True) == 1
    assert [hit.document for hit in search("晚饭", EVERYTHING)] == ["食堂.txt"]
    assert Document.objects.get().why == {}
    embedder.fails = True  # now at the question
    assert search("晚饭", EVERYTHING) == []
    assert [hit.document for hit in search("晚餐", EVERYTHING)] == ["食堂.txt"]


def test_vectors_of_another_model_are_not_compared(put: Put, embedder: Embedder) -> None:
    put("a", "食堂.txt", "晚餐时间为 17:30。")
    Chunk.objects.update(vector_by="old:model")
    assert search("晚饭", EVERYTHING) == []


@pytest.mark.parametrize("wrong", [[], [[1.0]], [[0.0], [0.0]], [[1.0], [1.0, 2.0]], [None, None]])
def test_a_wrong_answer_is_no_vector(
    put: Put, embedder: Embedder, monkeypatch: pytest.MonkeyPatch, wrong: object
) -> None:
    monkeypatch.setattr(gateway, "embed", lambda *args: wrong, raising=False)
    row = embedding.Embedder(embedding.model(), Purpose("test"))
    some = [Chunk(number=n, text="x", words="x") for n in range(2)]
    row.add_to(some)
    assert row.problem is not None
    assert all(one.vector is None for one in some)
