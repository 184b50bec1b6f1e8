"""The assistant's own hidden skills: their jobs are seen, cancelled and tried again as any other,
but how they run is a matter of this floor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NoReturn, NotRequired

from typing_extensions import TypedDict

from apps.accounts.authz import Rights
from apps.assistant import assist, plan_run
from apps.assistant.ending import End
from apps.assistant.models import Job
from apps.assistant.plan import ASSIST, PLAN
from apps.assistant.progress import Board
from apps.core.i18n import both
from apps.skills.base import Param, skill

Runs = Callable[[Job, Rights, Board, float], End]
#: What the runner calls in place of the skill's function.
OWN: dict[str, Runs] = {ASSIST: assist.run, PLAN: plan_run.run}


class StepValue(TypedDict):
    """A step as it is stored; see `apps.assistant.plan`."""

    id: str
    skill: str
    parameters: dict[str, Any]
    outside: NotRequired[list[str]]


def _only_as_a_job() -> NoReturn:
    raise LookupError("runs as a job only; see OWN")


@skill(
    name=ASSIST,
    zh="助手",
    summary=both("让语言模型理解一句话。", "Let a language model understand a text."),
    examples=[
        both(
            "/助手 把昨天的会议纪要总结成三点", "/assist sum up yesterday's minutes in three points"
        )
    ],
    lane="model",
    timeout=75,
    retries=1,
    hidden=True,
    writes=False,
    plannable=False,
)
def assist_(text: Annotated[str, Param(label=both("内容", "text"), rest=True)]) -> str:
    """Ask a model what the text means."""
    _only_as_a_job()


@skill(
    name=PLAN,
    zh="多步计划",
    summary=both("按计划运行几个技能。", "Run several skills by a plan."),
    timeout=900,
    retries=5,
    hidden=True,
    writes=False,  # what its steps change decides, see `needs`
    plannable=False,
)
def plan_(steps: Annotated[list[StepValue], Param(label=both("步骤", "steps"))]) -> str:
    """Run the steps in their order."""
    _only_as_a_job()
