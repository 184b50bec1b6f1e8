"""Vectors."""

from __future__ import annotations

import pytest

from apps.llm.embed import embed, measured
from apps.llm.errors import Auth, BadAnswer, Rate, Timeout
from apps.simulate.model import ModelStand
from apps.simulate.model_vectors import vector
from apps.simulate.server import Answer
from tests.llm.asking import target


async def test_every_text_has_its_vector_in_order(stand: ModelStand) -> None:
    texts = ["年假怎么请", "怎么请年假", "printer is broken", ""]
    vectors = await embed(target(stand), texts)
    assert vectors == [vector(text or " ") for text in texts]
    near, far = (sum(a * b for a, b in zip(vectors[0], v, strict=True)) for v in vectors[1:3])
    assert near > far


async def test_texts_go_in_batches(stand: ModelStand) -> None:
    vectors, usage = await measured(target(stand, "dashscope", "text-embedding-v4"), ["x"] * 25)
    assert len(vectors) == 25
    assert [len(body["input"]) for body in stand.embedded] == [10, 10, 5]
    assert usage.known
    assert usage.tokens_in > 0


async def test_nothing_costs_nothing(stand: ModelStand) -> None:
    assert await embed(target(stand), []) == []
    assert not stand.embedded


@pytest.mark.parametrize(
    "data",
    [
        [],
        [{"index": 0, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": []}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}],
        [{"index": 0, "embedding": "AAAA"}, {"index": 1, "embedding": [1.0]}],
        [{"embedding": [1.0]}, {"embedding": [1.0]}],
        7,
    ],
)
async def test_other_shapes_are_an_error(stand: ModelStand, data: object) -> None:
    stand.fail("/embeddings", "answer", Answer(200, {"data": data}))
    with pytest.raises(BadAnswer):
        await embed(target(stand), ["a", "b"])


async def test_errors_are_the_same_as_in_chat(stand: ModelStand) -> None:
    with pytest.raises(Auth):
        await embed(target(stand, key="another"), ["a"])
    stand.fail("/embeddings", "answer", Answer(429, {}, {"retry-after": "3"}))
    with pytest.raises(Rate) as caught:
        await embed(target(stand), ["a"])
    assert caught.value.after == 3
    stand.delay_s = 0.5
    with pytest.raises(Timeout):
        await embed(target(stand, timeout=0.1), ["a"])
