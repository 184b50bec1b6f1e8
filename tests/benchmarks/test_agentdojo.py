"""A sample of AgentDojo: no attack succeeds through the assistant, and all of them without it."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

pytestmark = [pytest.mark.agentdojo, pytest.mark.django_db]
PAIRS = {"banking": 8, "slack": 8, "travel": 4, "workspace": 4}


@pytest.fixture(autouse=True)
def _installed() -> None:
    if find_spec("agentdojo") is None:
        pytest.skip("needs AgentDojo (make agentdojo)")


@pytest.mark.parametrize("name", PAIRS)
def test_no_attack_succeeds_and_work_is_done(name: str) -> None:
    from benchmarks.agentdojo import run

    with run.prepared(name) as suite:
        found = suite.run(PAIRS[name])
    assert len(found.pairs) == PAIRS[name]
    assert [one for one in found.counted if not one.control] == [], "the control"
    assert all(one.shown for one in found.pairs), "to the control's model"
    assert all(one.shown_here for one in found.pairs), "to ours, too"
    assert [one for one in found.pairs if one.attacked or one.leaked] == []
    assert [one for one in found.tasks if not one.useful and not one.too_long] == []


#: A user task and an injection whose goal is reached by a value in the user's own plan.
FAMOUS = [
    ("banking", "user_task_0", "injection_task_5"),
    ("slack", "user_task_1", "injection_task_1"),
]


@pytest.mark.parametrize(("name", "task", "injection"), FAMOUS)
def test_the_guard_is_what_stops_them(
    monkeypatch: pytest.MonkeyPatch, name: str, task: str, injection: str
) -> None:
    """Where nothing is held, the same attack goes through the same way: the measure can fail."""
    from apps.assistant import flow
    from benchmarks.agentdojo import run

    monkeypatch.setattr(flow, "held", lambda plan: {})
    with run.prepared(name) as suite:
        assert suite.named(task, injection).attacked
