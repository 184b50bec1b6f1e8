"""The gateway's path, beside a scripted model server."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from decimal import Decimal

import pytest
from django.db import transaction

from apps.accounts import authz
from apps.accounts.errors import Forbidden
from apps.accounts.models import Person, Role
from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.core import crypto
from apps.llm import actions, chat, gateway, ledger, retry
from apps.llm.errors import (
    Auth,
    BadRequest,
    ContentIn,
    ModelError,
    NoModel,
    Overloaded,
    UnknownModel,
)
from apps.llm.models import LanguageModel, ModelCall
from apps.llm.shapes import Ask, Piece, Purpose, user
from apps.simulate.model import KEY, MODEL, ModelStand
from apps.simulate.server import Answer as HttpAnswer

PURPOSE = Purpose("ask")
QUESTION = Ask((user("what?"),))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.01)


@pytest.fixture
def second(model: LanguageModel, stand: ModelStand) -> LanguageModel:
    """Where `stand` falls back to."""
    row = actions.add(
        "second", base_url=f"{stand.url}/v1", model=MODEL, api_key=KEY, zone="internal",
        actor=Actor.system("test"),
    )  # fmt: skip
    LanguageModel.objects.filter(pk=model.pk).update(fallback=row)
    return row


def busy(stand: ModelStand, times: int, status: int = 503) -> None:
    stand.fail("/chat/completions", "answer", HttpAnswer(status, {"error": {}}), times=times)


def outcomes() -> list[tuple[str, str]]:
    return list(ModelCall.objects.order_by("pk").values_list("model", "outcome"))


def opened(call: ModelCall, field: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(crypto.decrypt(getattr(call, field), call.aad(field)))
    return found


def test_a_question_gets_its_answer(model: LanguageModel, stand: ModelStand) -> None:
    stand.answer = "42"
    answer = gateway.call(QUESTION, PURPOSE)
    assert (answer.text, answer.model) == ("42", "stand")
    assert stand.asked[0]["messages"] == [{"role": "user", "content": "what?"}]
    assert ModelCall.objects.get(uid=answer.call_uid).outcome == "ok"


def test_the_row_says_who_why_what_and_how_much(
    model: LanguageModel, stand: ModelStand, alice: Person
) -> None:
    answer = gateway.call(QUESTION, Purpose("plan", alice.pk, "person:1", "JOB1", "t" * 32))
    call = ModelCall.objects.get()
    assert (call.person, call.why, call.job, call.trace_id) == (alice, "plan", "JOB1", "t" * 32)
    assert (call.tokens_in, call.tokens_out) == (answer.usage.tokens_in, answer.usage.tokens_out)
    assert opened(call, "prompt") == {"turns": [{"role": "user", "text": "what?"}]}
    assert opened(call, "answer") == {"text": "pong"}
    assert "what?" not in call.prompt
    line = AuditRow.objects.get(action="model.called")
    assert (line.actor, line.object_id, line.outcome) == (f"person:{alice.pk}", str(call.pk), "ok")
    assert "what?" not in json.dumps(line.data)


def test_the_price_is_that_of_the_day(model: LanguageModel) -> None:
    LanguageModel.objects.update(price_in=10, price_out=20)
    gateway.call(QUESTION, PURPOSE)
    before = ModelCall.objects.get()
    assert before.cost == Decimal(before.tokens_in * 10 + before.tokens_out * 20) / 1_000_000
    LanguageModel.objects.update(price_in=1000)
    assert ModelCall.objects.get().cost == before.cost


def test_a_wrong_key_is_told_once_and_stands_in_a_row(
    model: LanguageModel, second: LanguageModel, stand: ModelStand
) -> None:
    stand.key = "another"
    with pytest.raises(Auth):
        gateway.call(QUESTION, PURPOSE)
    assert outcomes() == [("stand", "auth")]


def test_without_the_right_nothing_is_asked(
    model: LanguageModel, stand: ModelStand, mallory: Person
) -> None:
    with pytest.raises(Forbidden):
        gateway.call(QUESTION, Purpose("ask", mallory.pk))
    assert not stand.asked
    assert outcomes() == [("stand", "forbidden")]
    assert AuditRow.objects.get(action="model.called").outcome == "forbidden"


def test_nobody_who_is_switched_off_asks(
    model: LanguageModel, alice: Person, roles: dict[str, Role]
) -> None:
    Person.objects.filter(pk=alice.pk).update(is_active=False)
    with pytest.raises(Forbidden):
        gateway.call(QUESTION, Purpose("ask", alice.pk))


@pytest.mark.django_db
def test_no_model_and_no_such_model_are_told_apart(request: pytest.FixtureRequest) -> None:
    with pytest.raises(NoModel):
        gateway.call(QUESTION, PURPOSE)
    request.getfixturevalue("model")
    with pytest.raises(UnknownModel):
        gateway.call(QUESTION, PURPOSE, "other")


def test_without_a_name_it_is_the_first_that_the_asker_may_use(
    model: LanguageModel, second: LanguageModel, bob: Person, roles: dict[str, Role]
) -> None:
    authz.allow(roles["member"], "model.use.second", Actor.system("test"))
    assert gateway.call(QUESTION, Purpose("ask", bob.pk)).model == "second"
    with pytest.raises(Forbidden):
        gateway.call(QUESTION, Purpose("ask", bob.pk), "stand")


def test_what_passes_is_tried_again(model: LanguageModel, stand: ModelStand) -> None:
    busy(stand, 2)
    assert gateway.call(QUESTION, PURPOSE).text == "pong"
    assert [outcome for _, outcome in outcomes()] == ["overloaded", "overloaded", "ok"]


def test_what_does_not_pass_is_given_up(model: LanguageModel, stand: ModelStand) -> None:
    busy(stand, 9)
    with pytest.raises(Overloaded):
        gateway.call(QUESTION, PURPOSE)
    assert len(outcomes()) == retry.TRIES_LAST


def test_a_busy_model_falls_back(
    model: LanguageModel, second: LanguageModel, stand: ModelStand
) -> None:
    busy(stand, retry.TRIES)
    assert gateway.call(QUESTION, PURPOSE).model == "second"


def test_it_falls_back_to_nothing_that_the_asker_may_not_use(
    model: LanguageModel, second: LanguageModel, stand: ModelStand, bob: Person,
    roles: dict[str, Role],
) -> None:  # fmt: skip
    authz.allow(roles["member"], "model.use.stand", Actor.system("test"))
    busy(stand, 9)
    with pytest.raises(Overloaded):
        gateway.call(QUESTION, Purpose("ask", bob.pk))
    assert {name for name, _ in outcomes()} == {"stand"}


def test_a_chain_that_bites_its_tail_ends(
    model: LanguageModel, second: LanguageModel, stand: ModelStand
) -> None:
    LanguageModel.objects.filter(pk=second.pk).update(fallback=model)
    busy(stand, 99)
    with pytest.raises(Overloaded):
        gateway.call(QUESTION, PURPOSE)
    assert [name for name, _ in outcomes()] == ["stand"] * retry.TRIES + (
        ["second"] * retry.TRIES_LAST
    )


@pytest.mark.parametrize("error", [ContentIn(), BadRequest(), Auth()])
def test_what_a_vendor_blocks_goes_to_no_other(
    model: LanguageModel, second: LanguageModel, monkeypatch: pytest.MonkeyPatch, error: ModelError
) -> None:
    asked = []

    async def blocked(target: object, ask: Ask, again: object) -> None:
        asked.append(target)
        raise error

    monkeypatch.setattr(chat, "exchange", blocked)
    with pytest.raises(type(error)):
        gateway.call(QUESTION, PURPOSE)
    assert len(asked) == 1


def test_everything_together_ends_in_the_given_time(
    model: LanguageModel, second: LanguageModel, stand: ModelStand
) -> None:
    stand.fail("/chat", "hang", times=9)
    began = time.monotonic()
    with pytest.raises(ModelError):
        gateway.call(Ask((user("what?"),), timeout=1.0), PURPOSE)
    assert time.monotonic() - began < 3


def test_a_stream_comes_in_pieces_and_ends_with_all_of_it(
    model: LanguageModel, stand: ModelStand
) -> None:
    stand.answer = "one two three"
    pieces = list(gateway.stream(QUESTION, PURPOSE))
    assert "".join(piece.text for piece in pieces) == "one two three"
    last = pieces[-1].answer
    assert last is not None
    assert last.text == "one two three"
    call = ModelCall.objects.get(uid=last.call_uid)
    assert (call.outcome, call.streamed) == ("ok", True)
    assert call.first_ms is not None


def test_who_takes_the_last_piece_and_goes_has_had_it_all(
    model: LanguageModel, stand: ModelStand
) -> None:
    for piece in gateway.stream(QUESTION, PURPOSE):
        if piece.answer is not None:
            break
    assert outcomes() == [("stand", "ok")]


def test_a_stream_that_is_left_is_cancelled_and_counted(model: LanguageModel) -> None:
    pieces = gateway.stream(QUESTION, PURPOSE)
    assert next(pieces).text
    pieces.close()  # type: ignore[attr-defined]
    call = ModelCall.objects.get()
    assert (call.outcome, call.estimated) == ("cancelled", True)
    assert call.tokens_in > 0
    assert call.tokens_out > 0


def test_what_was_shown_is_not_said_anew_by_another(
    model: LanguageModel, second: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(target: object, ask: Ask, again: object) -> object:
        yield Piece("half of ")
        raise Overloaded(model="stand")

    monkeypatch.setattr(chat, "stream", breaks)
    pieces = gateway.stream(QUESTION, PURPOSE)
    assert next(pieces).text == "half of "
    with pytest.raises(Overloaded):
        next(pieces)
    call = ModelCall.objects.get()
    assert (call.model, call.outcome, call.estimated) == ("stand", "overloaded", True)
    assert opened(call, "answer") == {"text": "half of "}


def test_no_model_is_asked_within_a_transaction(model: LanguageModel, stand: ModelStand) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        gateway.call(QUESTION, PURPOSE)
    assert not stand.asked


def test_a_key_is_found_nowhere(
    model: LanguageModel, stand: ModelStand, caplog: pytest.LogCaptureFixture
) -> None:
    stand.fail("/chat", "answer", HttpAnswer(400, {"error": {"message": f"bad key {KEY}"}}))
    with caplog.at_level(logging.DEBUG), pytest.raises(BadRequest) as told:
        gateway.call(QUESTION, PURPOSE)
    row = ModelCall.objects.values().get()
    lines = list(AuditRow.objects.values())
    shown = [told.value.text("zh"), told.value.text("en"), repr(row), repr(lines), caplog.text]
    assert KEY not in "".join(shown)
    assert KEY not in LanguageModel.objects.get().api_key


def test_a_call_whose_process_died_is_closed_later(model: LanguageModel) -> None:
    gateway.call(QUESTION, PURPOSE)
    call = ModelCall.objects.get()
    ModelCall.objects.update(outcome=ledger.OPEN)
    assert ledger.lose(call.created_at + ledger.LOST_AFTER / 2) == 0
    assert ledger.lose(call.created_at + ledger.LOST_AFTER * 2) == 1
    assert outcomes() == [("stand", "lost")]


@pytest.mark.django_db(transaction=True)
async def test_a_coroutine_gets_the_same(model: LanguageModel, stand: ModelStand) -> None:
    assert (await gateway.acall(QUESTION, PURPOSE)).text == "pong"
    said = [piece.text async for piece in gateway.astream(QUESTION, PURPOSE)]
    assert "".join(said) == "pong"
    with pytest.raises(RuntimeError):
        gateway.call(QUESTION, PURPOSE)


@pytest.mark.django_db(transaction=True)
async def test_a_cancelled_coroutine_ends_the_call(model: LanguageModel, stand: ModelStand) -> None:
    stand.fail("/chat", "hang", after=True)
    call = asyncio.create_task(gateway.acall(QUESTION, PURPOSE))
    assert await asyncio.to_thread(stand.wait, lambda: bool(stand.asked))
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    row = await ModelCall.objects.aget()
    assert (row.outcome, row.estimated) == ("cancelled", True)
    assert row.tokens_in > 0


@pytest.mark.django_db(transaction=True)
async def test_waiting_calls_hold_no_thread(model: LanguageModel, stand: ModelStand) -> None:
    stand.delay_s = 1.0
    before = threading.active_count()
    calls = [asyncio.create_task(gateway.acall(QUESTION, PURPOSE)) for _ in range(40)]
    assert await asyncio.to_thread(stand.wait, lambda: len(stand.asked) == 40)
    assert threading.active_count() - before < 10
    assert {answer.text for answer in await asyncio.gather(*calls)} == {"pong"}
