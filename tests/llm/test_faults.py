"""The ten errors, in every vendor's words, whole and streamed."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from apps.llm import chat
from apps.llm.errors import BadAnswer, ContentIn, Cut, ModelError, Rate
from apps.llm.wire.waiting import after
from apps.simulate.model import ModelStand
from apps.simulate.server import Answer
from tests.llm.asking import ask, streamed, target
from tests.llm.vendor_errors import ERRORS

RETRIED = {"rate", "overloaded", "timeout", "network"}


def _name(case: object) -> str:
    return getattr(case, "__name__", "") or str(getattr(case, "status", case))


@pytest.mark.parametrize(("provider", "answer", "kind"), ERRORS, ids=_name)
async def test_every_vendors_errors(
    stand: ModelStand, provider: str, answer: Answer, kind: type[ModelError]
) -> None:
    stand.answer = answer
    where = target(stand, provider)
    with pytest.raises(ModelError) as whole:
        await chat.exchange(where, ask())
    with pytest.raises(ModelError) as pieces:
        await streamed(where, ask())
    assert type(whole.value) is type(pieces.value) is kind
    assert whole.value.passes == (kind.code in RETRIED)


def test_all_ten_are_there() -> None:
    seen = {kind.code for _, _, kind in ERRORS} | {"network"}
    kinds = {"auth", "balance", "content_in", "content_out", "too_long", "bad_request"}
    assert seen == kinds | RETRIED
    assert (Cut.code, BadAnswer.code) == ("too_long", "bad_request")


async def test_the_question_is_not_quoted_to_people(stand: ModelStand) -> None:
    message = "Invalid content: 张三的工资是 12000"
    stand.answer = Answer(400, {"error": {"message": message, "code": "bad thing 张三!"}})
    with pytest.raises(ModelError) as caught:
        await chat.exchange(target(stand), ask())
    for language in ("zh", "en"):
        assert "12000" not in caught.value.text(language)
        assert "HTTP 400" in caught.value.text(language)
    assert message in caught.value.detail


@pytest.mark.parametrize("shape", ["json", "text"])
async def test_what_a_vendor_repeats_is_not_kept(stand: ModelStand, shape: str) -> None:
    """A model may be exempt from masks, and some vendors repeat the key."""
    message = f"{'x' * 200} cannot answer 找 13912345678, key sk-planted7Q2mZ9xK4vB8nT3wL6yR"
    body = {"error": {"message": message, "code": "e"}} if shape == "json" else message.encode()
    stand.answer = Answer(400, body)
    with pytest.raises(ModelError) as caught:
        await chat.exchange(target(stand), ask())
    assert "cannot answer 找 ***, key ***" in caught.value.detail
    assert caught.value.detail in str(caught.value)
    stand.answer = Answer(400, {"error": {"message": "1391234567 " * 1000}})
    with pytest.raises(ModelError) as long:
        await chat.exchange(target(stand), ask())
    assert len(long.value.detail) <= 400


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "99999"}, 3600.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
        ({"retry-after": formatdate(2000, usegmt=True), "date": formatdate(1970, usegmt=True)},
         30.0),
        ({"retry-after": formatdate(1000, usegmt=True)}, 0.0),
    ],
)  # fmt: skip
async def test_how_long_to_wait(
    stand: ModelStand, headers: dict[str, str], seconds: float | None
) -> None:
    assert after(headers) == seconds
    stand.answer = Answer(429, {}, headers)
    with pytest.raises(Rate) as caught:
        await chat.exchange(target(stand), ask())
    assert caught.value.after == seconds


def test_a_date_without_the_vendors_clock_is_by_ours() -> None:
    waits = after({"retry-after": formatdate(time.time() + 60, usegmt=True)})
    assert waits is not None
    assert 55 <= waits <= 61


async def test_a_blocked_question_never_passes_on(stand: ModelStand) -> None:
    stand.answer = Answer(451, b"")
    with pytest.raises(ContentIn) as caught:
        await chat.exchange(target(stand, "stepfun"), ask())
    assert caught.value.permanent
    assert not caught.value.passes
