"""Vectors through the real gateway: the wire, the model's row, the asker's right to the model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.audit.log import Actor
from apps.knowledge.models import Chunk
from apps.knowledge.search import search
from apps.llm import actions
from apps.llm.models import ModelCall
from apps.simulate.model import KEY, MODEL, ModelStand
from apps.skills.testing import FakeRights
from tests.knowledge.conftest import Put

#: As a question is asked: the gateway is called outside of transactions.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stand(db: None) -> Iterator[ModelStand]:
    """An embedding model `vec`, internal, behind the gateway."""
    with ModelStand() as running:
        actions.add(
            "vec", base_url=running.base_url, model=MODEL, api_key=KEY, zone="internal",
            kind="embedding", actor=Actor.system("test"),
        )  # fmt: skip
        yield running


def test_a_document_and_a_question_go_to_the_model(stand: ModelStand, put: Put) -> None:
    document = put("a", "食堂.txt", "晚餐时间为 17:30，找 13912345678。")
    assert (document.state, document.why) == ("ready", {})
    assert Chunk.objects.get().vector_by
    found = search("晚餐", FakeRights(("knowledge.*", "model.use.*")))
    assert [hit.document for hit in found] == ["食堂.txt"]
    assert len(stand.embedded) == 2
    assert "晚餐时间" in str(stand.embedded[0])
    assert "13912345678" not in str(stand.embedded)
    assert list(ModelCall.objects.values_list("outcome", flat=True)) == ["ok", "ok"]


def test_who_may_not_use_the_model_asks_it_nothing(stand: ModelStand, put: Put) -> None:
    put("a", "食堂.txt", "晚餐时间为 17:30。")
    found = search("晚餐", FakeRights(("knowledge.*",)))
    assert [hit.document for hit in found] == ["食堂.txt"]
    assert len(stand.embedded) == 1
