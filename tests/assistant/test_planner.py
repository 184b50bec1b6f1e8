"""Asking a model: what it is told, what it may cost, and that no fault of it gets out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.accounts import authz
from apps.accounts.models import Person
from apps.assistant import planner, tools
from apps.assistant.plan import Plan, Words
from apps.assistant.planner import Budget, Proposed
from apps.assistant.understand import Asker
from apps.audit.log import Actor
from apps.llm import actions, gateway
from apps.llm.shapes import Answer, Ask, Purpose, ToolCall, Usage, user
from apps.simulate.model import KEY, MODEL, ModelStand, calls
from apps.skills.base import get, registry
from apps.skills.testing import NOW, SHANGHAI

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")


@pytest.fixture
def stand() -> Iterator[ModelStand]:
    with ModelStand() as running:
        yield running


@pytest.fixture
def asker(bob: Person, stand: ModelStand) -> Asker:
    """Bob, who may ask the model."""
    actions.add("stand", base_url=stand.base_url, model=MODEL, api_key=KEY, zone="internal",
                actor=SYSTEM)  # fmt: skip
    authz.allow("member", "model.use.stand", SYSTEM)
    return Asker(bob.pk, authz.rights([bob])[bob.pk], "en", NOW, SHANGHAI)


def propose(asker: Asker, words: str = "do it", **more: Any) -> Proposed:
    return planner.propose(words, asker, purpose=Purpose("plan", asker.person_id), **more)


def test_it_knows_the_time_the_language_and_what_was_said_before(
    asker: Asker, stand: ModelStand
) -> None:
    propose(asker, history=[user("I like green")])
    told = stand.asked[0]["messages"]
    assert "Sunday 2026-11-22 10:00" in told[0]["content"]
    assert "Asia/Shanghai" in told[0]["content"]
    assert "English" in told[0]["content"]
    assert [one["content"] for one in told[1:]] == ["I like green", "do it"]


def test_words_are_words(asker: Asker, stand: ModelStand) -> None:
    stand.answer = "  hello  "
    assert propose(asker) == Proposed(Words("hello"), model="stand")


def test_a_call_is_a_plan_of_one_step(asker: Asker, stand: ModelStand) -> None:
    stand.answer = calls(("remind", {"text": "tea", "at": "2026-11-23T09:00"}))
    found = propose(asker).proposal
    assert isinstance(found, Plan)
    assert found.steps[0].parameters == {"at": "2026-11-23T09:00:00+08:00", "text": "tea"}


def test_several_calls_are_a_plan(asker: Asker, stand: ModelStand) -> None:
    stand.answer = calls(("echo", {"text": "a"}), ("echo", {"text": "b"}))
    found = propose(asker).proposal
    assert isinstance(found, Plan)
    assert [one.parameters["text"] for one in found.steps] == ["a", "b"]


def test_nothing_at_all_is_told(asker: Asker, stand: ModelStand) -> None:
    stand.answer = "   "
    found = propose(asker)
    assert found.proposal is None
    assert found.problem == planner.NOTHING


def answering(monkeypatch: pytest.MonkeyPatch, *said: Answer | Exception) -> list[Ask]:
    """Put these in place of a model's answers; returns what was asked."""
    left, asked = list(said), list[Ask]()

    def call(ask: Ask, purpose: Purpose, model: str = "") -> Answer:
        asked.append(ask)
        one = left.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    monkeypatch.setattr(gateway, "call", call)
    return asked


WRONG = Answer(calls=(ToolCall("echo", {"txt": "a"}),), usage=Usage(10, 10), model="m")


def test_a_dear_answer_is_not_followed_by_another(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    dear = Answer(calls=WRONG.calls, usage=Usage(planner.MOST_TOKENS, 1), model="m")
    asked = answering(monkeypatch, dear)
    assert propose(asker).problem is not None
    assert len(asked) == 1


def test_each_call_may_take_what_is_left(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 0.0, 0.0, 30.0, 30.0, 30.0, 30.0])
    asked = answering(monkeypatch, WRONG, Answer("done", model="m"))
    found = propose(asker, budget=Budget(clock=lambda: next(times)))
    assert found.proposal == Words("done")
    assert [one.timeout for one in asked] == [planner.SECONDS, planner.SECONDS - 30]


def test_when_the_time_is_over_nothing_more_is_asked(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([0.0, 0.0, 0.0, *[planner.SECONDS - 1] * 9])
    asked = answering(monkeypatch, WRONG, Answer("done", model="m"))
    found = propose(asker, budget=Budget(clock=lambda: next(times)))
    assert found.problem == planner.OUT_OF_TIME
    assert len(asked) == 1


@pytest.mark.parametrize("broken", [ZeroDivisionError("inside"), KeyError("choices")])
def test_a_fault_of_ours_is_told_without_its_inside(
    asker: Asker, monkeypatch: pytest.MonkeyPatch, broken: Exception
) -> None:
    answering(monkeypatch, broken)
    assert propose(asker) == Proposed(problem=planner.BROKE)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"steps": None}, {"steps": "x"}, {"steps": [[]]}, {"steps": [{"skill": 3}]}],
)
def test_an_odd_plan_is_refused_twice_and_then_given_up(
    asker: Asker, stand: ModelStand, arguments: dict[str, Any]
) -> None:
    stand.answer = calls(("plan", arguments))
    found = propose(asker)
    assert found.proposal is None
    assert found.problem is not None
    assert len(stand.asked) == 2


def test_every_skill_makes_a_tool() -> None:
    for one in registry().values():
        made = tools.tool_of(one)
        assert made.description
        assert made.schema["type"] == "object"
        for name, schema in made.schema["properties"].items():
            assert schema["description"], (one.name, name)
            assert "anyOf" not in schema, (one.name, name)


def test_times_are_described_in_words() -> None:
    remind, schedule = get("remind"), get("schedule")
    assert remind is not None
    assert schedule is not None
    assert "2026-11-27T15:00" in tools.tool_of(remind).schema["properties"]["at"]["description"]
    every = tools.tool_of(schedule).schema["properties"]["every"]
    assert every["type"] == "string"
    assert "每周一" in every["description"]


def test_shared_definitions_stand_where_references_look_for_them() -> None:
    plan = get("plan")
    assert plan is not None
    schema = tools.tool_of(plan).schema
    assert schema["properties"]["steps"]["items"] == {"$ref": "#/$defs/StepValue"}
    assert schema["$defs"]["StepValue"]["type"] == "object"


def test_files_are_not_asked_of_a_model() -> None:
    file = get("file")
    assert file is not None
    assert tools.tool_of(file).schema["properties"] == {}


def test_of_very_many_the_nearest_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "MOST_TOOLS", 3)
    some = [one for one in registry().values() if not one.hidden]
    made = [one.name for one in tools.tools_of(some, "remind me to go home")]
    assert len(made) == 4
    assert {"remind", "plan"} <= set(made)


def test_without_any_skill_there_is_no_tool() -> None:
    assert tools.tools_of([], "hello") == ()
