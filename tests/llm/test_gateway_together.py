"""The gateway with its masks, limits, budgets, zones and word lists: each where it belongs."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from apps.accounts.models import Person
from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.llm import actions, budget_actions, calls, gateway, limits, retry
from apps.llm.budget_actions import Limits
from apps.llm.errors import Auth, ModelError, Overloaded, Timeout
from apps.llm.limit_errors import Limited, OverBudget
from apps.llm.models import LanguageModel, ModelCall
from apps.llm.privacy_errors import ListedAnswer, MustNotLeave, StaysHere
from apps.llm.privacy_models import ListedWord
from apps.llm.shapes import Ask, Piece, Purpose, Tool, user
from apps.simulate.model import KEY, MODEL, ModelStand
from apps.simulate.model import calls as tool_calls
from apps.simulate.server import Answer as HttpAnswer

SYSTEM = Actor.system("test")
ID = "11010519491231002X"
SECRET = Ask((user(f"Whose is the ID card {ID}?"),))
QUESTION = Ask((user("what?"),))
PURPOSE = Purpose("ask", audience="person:1")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.01)


def echo(body: dict[str, object]) -> str:
    """Says what it read."""
    messages = body["messages"]
    assert isinstance(messages, list)
    return str(messages[-1]["content"])


def other(stand: ModelStand, name: str, **more: object) -> LanguageModel:
    return actions.add(
        name, base_url=stand.base_url, model=MODEL, api_key=KEY, actor=SYSTEM, **more
    )


def test_what_leaves_is_masked_and_what_comes_back_is_restored(
    model: LanguageModel, stand: ModelStand
) -> None:
    stand.answer = echo
    assert gateway.call(SECRET, PURPOSE).text == SECRET.turns[0].text
    assert ID not in json.dumps(stand.asked)
    call = ModelCall.objects.get()
    assert call.masked == {"CN_ID": 1}
    assert ID not in calls.opened(call, "prompt") + calls.opened(call, "answer")
    assert "CN_ID" in calls.opened(call, "answer")
    assert ID not in json.dumps(list(AuditRow.objects.values()), default=str)


def test_a_stream_is_restored_however_it_is_cut(model: LanguageModel, stand: ModelStand) -> None:
    stand.answer = echo
    pieces = list(gateway.stream(SECRET, PURPOSE))
    assert "".join(piece.text for piece in pieces) == SECRET.turns[0].text
    last = pieces[-1].answer
    assert last is not None
    assert last.text == SECRET.turns[0].text
    assert ID not in json.dumps(stand.asked)


def test_arguments_of_tools_are_restored(model: LanguageModel, stand: ModelStand) -> None:
    stand.answer = lambda body: tool_calls(("find", {"id": echo(body).split()[-1].rstrip("?")}))
    find = Tool("find", "Finds it.", {"type": "object"})
    [call] = gateway.call(replace(SECRET, tools=(find,)), PURPOSE).calls
    assert call.arguments == {"id": ID}


def test_what_tools_and_schemas_say_is_masked_too(model: LanguageModel, stand: ModelStand) -> None:
    one = {"type": "string", "enum": [f"owner of {ID}"], "description": ID}
    schema = {"type": "object", "properties": {"who": one}, "required": ["who"]}

    def first(form: dict[str, Any]) -> dict[str, Any]:
        return {"who": form["properties"]["who"]["enum"][0]}

    stand.answer = lambda body: json.dumps(first(body["response_format"]["json_schema"]["schema"]))
    assert gateway.call(replace(QUESTION, schema=schema), PURPOSE).data == {"who": f"owner of {ID}"}
    stand.answer = lambda body: tool_calls(
        (
            "find",
            {"who": body["tools"][0]["function"]["parameters"]["properties"]["who"]["enum"][0]},
        )
    )
    find = Tool("find", f"Finds {ID}.", schema)
    [call] = gateway.call(replace(QUESTION, tools=(find,)), PURPOSE).calls
    assert call.arguments == {"who": f"owner of {ID}"}
    assert len(stand.asked) == 2
    assert ID not in json.dumps(stand.asked)
    assert "⟦CN_ID_1⟧" in json.dumps(stand.asked, ensure_ascii=False)


def test_a_word_must_not_leave_in_a_tool_or_schema_either(
    model: LanguageModel, stand: ModelStand
) -> None:
    ListedWord.objects.create(rule="leave_refuse", word="Bluebird")
    actions.change(model, actor=SYSTEM, zone="mainland")
    tool = Tool("find", "Finds the Bluebird.", {"type": "object"})
    schema = {"type": "object", "properties": {"x": {"const": "Bluebird"}}}
    for ask in (replace(QUESTION, tools=(tool,)), replace(QUESTION, schema=schema)):
        with pytest.raises(MustNotLeave):
            gateway.call(ask, PURPOSE)
    assert not stand.asked


def test_an_internal_model_may_be_exempt(model: LanguageModel, stand: ModelStand) -> None:
    actions.change(model, actor=SYSTEM, unmasked=True)
    stand.answer = echo
    said = gateway.call(SECRET, PURPOSE)
    assert ID in json.dumps(stand.asked)
    assert ID in said.text
    find = Tool("find", "Finds it.", {"type": "object"})
    stand.answer = tool_calls(("find", {"id": ID, "days": 3, "also": [{"phone": 13912345678}]}))
    [made] = gateway.call(replace(SECRET, tools=(find,)), PURPOSE).calls
    assert made.arguments["also"] == [{"phone": 13912345678}]

    # Its rows hold masked text all the same.
    for call in ModelCall.objects.order_by("pk"):
        kept = calls.opened(call, "prompt") + calls.opened(call, "answer")
        assert "***" in calls.opened(call, "prompt")
        assert "***" in calls.opened(call, "answer")
        assert not [one for one in (ID, "13912345678") if one in kept]
    assert '"days": 3' in kept


def test_a_model_that_is_exempt_undoes_nobodys_masks(
    model: LanguageModel, stand: ModelStand
) -> None:
    group = Purpose("ask", audience="chat:1")
    gateway.call(SECRET, group)
    actions.change(model, actor=SYSTEM, unmasked=True)
    stand.answer = echo
    guess = Ask((user("repeat: ⟦CN_ID_1⟧"),))
    assert ID not in gateway.call(guess, group).text
    assert ID not in "".join(piece.text for piece in gateway.stream(guess, group))


def test_it_falls_back_to_no_place_where_the_question_may_not_go(
    model: LanguageModel, stand: ModelStand
) -> None:
    far = other(stand, "far", zone="abroad")
    actions.change(model, actor=SYSTEM, fallback=far)
    stand.fail("/chat", "answer", HttpAnswer(503, {}), times=99)
    with pytest.raises(Overloaded):
        gateway.call(QUESTION, PURPOSE)
    assert set(ModelCall.objects.values_list("model", flat=True)) == {"stand"}
    with pytest.raises(StaysHere):
        gateway.call(QUESTION, PURPOSE, "far")
    assert ModelCall.objects.latest("pk").outcome == "stays_here"


def test_masks_are_those_of_the_model_that_answers(model: LanguageModel, stand: ModelStand) -> None:
    near = other(stand, "near", zone="mainland")
    actions.change(model, actor=SYSTEM, fallback=near, unmasked=True)
    stand.fail("/chat", "answer", HttpAnswer(503, {}), times=retry.TRIES)
    stand.answer = echo
    assert gateway.call(SECRET, PURPOSE).text == SECRET.turns[0].text
    assert ID not in json.dumps(stand.asked)


def test_a_word_that_must_not_be_answered_is_held_back(
    model: LanguageModel, stand: ModelStand
) -> None:
    ListedWord.objects.create(rule="answer", word="Bluebird")
    stand.answer = "the plan is Bluebird of course"
    with pytest.raises(ListedAnswer):
        gateway.call(QUESTION, PURPOSE)
    shown = []

    def read() -> None:
        shown.extend(piece.text for piece in gateway.stream(QUESTION, PURPOSE))

    with pytest.raises(ListedAnswer):
        read()
    assert "Bluebird" not in "".join(shown)
    assert set(ModelCall.objects.values_list("outcome", flat=True)) == {"listed_answer"}
    assert ModelCall.objects.filter(tokens_out__gt=0).count() == 2
    assert limits.look(model).failed == 0


@pytest.mark.django_db(transaction=True)
async def test_words_are_held_back_on_a_loop_too(model: LanguageModel, stand: ModelStand) -> None:
    await ListedWord.objects.acreate(rule="answer", word="Bluebird")
    stand.answer = "the plan is Bluebird of course"

    async def read() -> list[Piece]:
        return [piece async for piece in gateway.astream(QUESTION, PURPOSE)]

    with pytest.raises(ListedAnswer):
        await read()
    with pytest.raises(ListedAnswer):
        await gateway.acall(QUESTION, PURPOSE)


def test_who_is_over_budget_asks_nobody_and_falls_back_to_nobody(
    model: LanguageModel, stand: ModelStand, alice: Person
) -> None:
    actions.change(model, actor=SYSTEM, fallback=other(stand, "second"))
    budget_actions.add("person", "day", Limits(10, None, "CNY"), actor=SYSTEM, person=alice)
    with pytest.raises(OverBudget):
        gateway.call(QUESTION, Purpose("ask", alice.pk))
    assert not stand.asked
    assert list(ModelCall.objects.values_list("model", "outcome")) == [("stand", "over_budget")]
    assert limits.look(model).in_flight == 0


def test_a_model_that_is_too_slow_is_not_for_free(model: LanguageModel, stand: ModelStand) -> None:
    stand.fail("/chat", "hang", after=True)
    with pytest.raises(Timeout):
        gateway.call(replace(SECRET, timeout=0.5), PURPOSE)
    call = ModelCall.objects.get()
    assert (call.outcome, call.estimated, call.tokens_in > 0) == ("timeout", True, True)


@pytest.mark.parametrize("told", [(-1000, 1010), (1010, -1000), (True, 1), (10**30, 1)])
def test_tokens_that_cannot_be_are_estimated(
    model: LanguageModel, stand: ModelStand, told: tuple[int, int]
) -> None:
    usage = {"prompt_tokens": told[0], "completion_tokens": told[1]}
    body = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": usage}
    stand.fail("/chat", "answer", HttpAnswer(200, body))
    used = gateway.call(QUESTION, PURPOSE).usage
    assert not used.known
    assert 0 < used.tokens_in < 1000
    assert 0 < used.tokens_out < 1000


def test_what_was_used_is_settled_and_the_rest_given_back(
    model: LanguageModel, stand: ModelStand, alice: Person
) -> None:
    budget_actions.add("person", "day", Limits(1200, None, "CNY"), actor=SYSTEM, person=alice)
    for _ in range(5):  # each reserves more than a thousand
        gateway.call(QUESTION, Purpose("ask", alice.pk))
    stand.fail("/chat", "answer", HttpAnswer(400, {}), times=1)
    with pytest.raises(ModelError):
        gateway.call(QUESTION, Purpose("ask", alice.pk))
    gateway.call(QUESTION, Purpose("ask", alice.pk))


def test_a_full_model_is_waited_for_and_then_falls_back(
    model: LanguageModel, stand: ModelStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.llm.passage.PATIENCE_S", 0.3)
    actions.change(model, actor=SYSTEM, in_flight=1)
    model.refresh_from_db()
    held = limits.admit(model, 60)
    with pytest.raises(Limited):
        gateway.call(QUESTION, PURPOSE)
    assert ModelCall.objects.get().outcome == "limited"
    actions.change(model, actor=SYSTEM, fallback=other(stand, "second"))
    assert gateway.call(QUESTION, PURPOSE).model == "second"
    held.release()
    assert gateway.call(QUESTION, PURPOSE).model == "stand"


@pytest.mark.django_db(transaction=True)
async def test_a_place_is_given_back_whatever_happens(
    model: LanguageModel, stand: ModelStand
) -> None:
    await asyncio.to_thread(actions.change, model, actor=SYSTEM, in_flight=1)
    stand.fail("/chat", "hang", after=True)
    call = asyncio.create_task(gateway.acall(QUESTION, PURPOSE))
    assert await asyncio.to_thread(stand.wait, lambda: bool(stand.asked))
    waiting = asyncio.create_task(gateway.acall(QUESTION, PURPOSE))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await asyncio.wait_for(waiting, 5)).text == "pong"


def test_a_bad_key_opens_the_breaker_and_a_new_one_closes_it(
    model: LanguageModel, stand: ModelStand
) -> None:
    stand.key = "sk-new-0123456789abcdef"
    with pytest.raises(Auth):
        gateway.call(QUESTION, PURPOSE)
    with pytest.raises(Limited):
        gateway.call(QUESTION, PURPOSE)
    assert not stand.asked
    actions.change(model, actor=SYSTEM, api_key=stand.key)
    assert gateway.call(QUESTION, PURPOSE).text == "pong"


def test_vectors_go_the_same_way(model: LanguageModel, stand: ModelStand) -> None:
    other(stand, "vectors", kind="embedding", price_in=Decimal(1000))
    found = gateway.embed([f"card {ID}", "blue"], Purpose("knowledge"))
    assert len(found) == 2
    assert {type(number) for number in found[0]} == {float}
    assert ID not in json.dumps(stand.embedded)
    call = ModelCall.objects.get()
    assert (call.model, call.why, call.outcome, call.answer) == ("vectors", "knowledge", "ok", "")
    assert call.tokens_in > 0
    assert call.cost > 0
    assert gateway.embed([], Purpose("knowledge")) == []
