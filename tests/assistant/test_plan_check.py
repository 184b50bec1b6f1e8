"""Whatever a model proposes ends in a plan that may be asked about, or in reasons why not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.assistant import plan_check
from apps.assistant.plan import MOST_STEPS, Plan, PlanStep
from apps.assistant.plan_check import Checked, Refused
from apps.assistant.understand import Asker
from apps.skills import base as skills
from apps.skills.base import Attachment, Reply
from apps.skills.registry import borrowed
from apps.skills.testing import NOW, SHANGHAI, FakeRights

ASKER = Asker(1, FakeRights(denied=("skill.secret",)), "en", NOW, SHANGHAI)
NAMES = ("read", "jot", "measure", "secret", "covert", "signed", "fly", "approve", "echo")


@pytest.fixture(autouse=True, scope="module")
def trial_skills() -> Iterator[None]:
    """Skills made for these tests."""
    with borrowed():

        @skills.skill(name="read", zh="读", writes=False, outside=True)
        def read(name: str) -> str:
            """Read a page."""
            return name

        @skills.skill(name="jot", zh="涂写")
        def jot(text: str, to: str = "all") -> str:
            """Write something."""
            return text

        @skills.skill(name="measure", zh="量", writes=False, gives=["size"])
        def measure(size: int = 0) -> Reply:
            """Measure something."""
            return Reply("big", fields={"size": size})

        @skills.skill(name="look", zh="看一看", writes=False)
        def look(file: Attachment) -> str:
            """Look at a file."""
            return file.name

        @skills.skill(name="secret", zh="秘密")
        def secret() -> str:
            """Not for this asker."""
            return ""

        @skills.skill(name="covert", zh="隐藏", hidden=True)
        def covert() -> str:
            """Not for models."""
            return ""

        @skills.skill(name="signed", zh="签", plannable=False)
        def signed() -> str:
            """By hand only."""
            return ""

        yield


def step(skill: str, /, **parameters: Any) -> dict[str, Any]:
    return {"skill": skill, "parameters": parameters}


def ref(step: str, field: str = "text") -> dict[str, str]:
    return {"$from": step, "field": field}


def why(steps: object) -> str:
    found = plan_check.check(steps, ASKER)
    assert isinstance(found, Refused), found
    return "; ".join(one.en for one in found.problems)


def test_a_plan_with_references() -> None:
    found = plan_check.check([step("read", name="a"), step("jot", text=ref("s1"))], ASKER)
    expected = (
        PlanStep("s1", "read", {"name": "a"}),
        PlanStep("s2", "jot", {"text": ref("s1")}),
    )
    assert found == Checked(Plan(expected))
    assert Plan.from_json(found.plan.to_json()) == found.plan


def test_ids_of_its_own_become_ours() -> None:
    steps = [{"id": "page", **step("read", name="a")}, step("jot", text={"$from": "page"})]
    found = plan_check.check(steps, ASKER)
    assert isinstance(found, Checked)
    assert [one.id for one in found.plan.steps] == ["s1", "s2"]
    assert found.plan.steps[1].parameters == {"text": ref("s1")}


def test_a_declared_field_fits_where_its_kind_is_read() -> None:
    found = plan_check.check([step("measure"), step("measure", size=ref("s1", "size"))], ASKER)
    assert isinstance(found, Checked)


@pytest.mark.parametrize("name", ["fly", "secret", "covert", "signed", "approve", "assist", "plan"])
def test_what_the_asker_has_not_is_unknown(name: str) -> None:
    found = plan_check.check([step("read", name="a"), step(name)], ASKER)
    assert isinstance(found, Refused)
    assert found.unknown == (name,)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        (None, "list"), ("read", "list"), ({}, "list"), ([], "no steps"),
        ([step("echo", text="x")] * (MOST_STEPS + 1), f"at most {MOST_STEPS}"),
        ([["read"]], "no step"), ([{"parameters": {}}], "no step"),
        ([{"skill": "read", "parameters": ["a"]}], "no step"),
        ([step("jot", text=ref("s1"))], "not an earlier step"),
        ([step("jot", text=ref("s2")), step("read", name="a")], "not an earlier step"),
        ([step("jot", text=ref("s2")), step("jot", text=ref("s1"))], "not an earlier step"),
        ([step("read", name="a"), step("jot", text=ref("s9"))], "not an earlier step"),
        ([step("read", name="a"), step("jot", text=ref("s1", "author"))], "no field author"),
        ([step("read", name="a"), step("jot", txt=ref("s1"))], "no parameter txt"),
        ([step("read", name="a"), step("look", file=ref("s1"))], "cannot come from"),
        ([step("read", name="a"), step("jot", text={"$from": "s1", "x": 1})], "cannot come from"),
        ([step("read", name="a"), step("jot")], "text is missing"),
        ([step("read", name="a", size=3), step("jot", text="x")], "no parameter size"),
        ([{"id": "a", **step("read", name="a")}] * 2, "two steps"),
        ([step("jot", text="x" * 30_000)], "too long"),
    ],
)  # fmt: skip
def test_what_is_no_plan(steps: object, reason: str) -> None:
    assert reason in why(steps)


def test_a_lone_step_may_miss_what_can_be_asked_for() -> None:
    found = plan_check.check([step("jot")], ASKER)
    assert isinstance(found, Checked)
    assert found.missing is not None
    assert found.missing.name == "text"


def test_a_file_at_hand_fills_the_parameter_that_wants_one() -> None:
    file = {"message": 3, "index": 0, "name": "a.txt"}
    found = plan_check.check([step("look")], ASKER, [file])
    assert isinstance(found, Checked)
    assert found.missing is None
    assert found.plan.steps[0].parameters == {"file": file}
    without = plan_check.check([step("look")], ASKER)
    assert isinstance(without, Checked)
    assert without.missing is not None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.builds(ref, st.sampled_from(["s0", "s1", "s2", "s5", "s9", "x"]),
                st.sampled_from(["text", "size", "y"])),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=4), one, max_size=3),
    max_leaves=4,
)  # fmt: skip
parameters = st.dictionaries(
    st.sampled_from(["name", "text", "to", "size", "file", "?"]), values, max_size=3
)
likely = st.fixed_dictionaries(
    {"skill": st.sampled_from(NAMES), "parameters": parameters},
    optional={"id": st.sampled_from(["s1", "s2", "a"])},
)
anything = st.recursive(st.none() | st.integers() | st.text(), lambda one: st.lists(one, max_size=3)
                        | st.dictionaries(st.text(), one, max_size=3), max_leaves=6)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(likely | anything, max_size=10) | anything)
def test_nothing_breaks_it_and_what_passes_is_sound(steps: object) -> None:
    found = plan_check.check(steps, ASKER)
    if isinstance(found, Refused):
        assert found.problems
        assert all(one.en and one.zh for one in found.problems)
        return
    _sound(found)
    again = plan_check.check(found.plan.to_json(), ASKER)
    assert again == found, "what was checked once is the same when it is checked again"


def _sound(found: Checked) -> None:
    assert 1 <= len(found.plan.steps) <= MOST_STEPS
    for number, one in enumerate(found.plan.steps, 1):
        skill = skills.get(one.skill)
        assert skill is not None
        assert one.id == f"s{number}"
        assert skill.plannable
        assert not skill.hidden
        assert ASKER.rights.allows(skill.permission)
        assert set(one.parameters) <= {parameter.name for parameter in skill.parameters}
        for _, other in one.references:
            assert int(other.step[1:]) < number
            earlier = skills.get(found.plan.steps[int(other.step[1:]) - 1].skill)
            assert earlier is not None
            assert other.field in earlier.fields


@given(st.integers(1, MOST_STEPS), st.data())
def test_a_reference_forward_or_to_itself_is_always_refused(count: int, data: Any) -> None:
    place = data.draw(st.integers(1, count))
    target = data.draw(st.integers(place, MOST_STEPS + 2))
    steps = [step("read", name="a") for _ in range(count)]
    steps[place - 1] = step("read", name=ref(f"s{target}"))
    assert isinstance(plan_check.check(steps, ASKER), Refused)
