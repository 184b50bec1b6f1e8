"""How a text is understood: by the rules alone, or with a model behind them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from apps.assistant.fully import understand_fully
from apps.assistant.planner import SECONDS, Budget
from apps.assistant.understand import Asker, Understood, understand
from apps.llm.models import ModelCall
from apps.llm.shapes import Purpose
from benchmarks.understanding.judge import Verdict, judge
from benchmarks.understanding.rows import Row

ZONE = ZoneInfo("Asia/Shanghai")
#: A Monday: what a text takes for tonight or Friday must not depend on when it is measured.
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=ZONE)
WHY = "benchmark"


class Everything:
    """The rights of somebody who may do all there is: nothing is right for want of a choice."""

    def allows(self, permission: str) -> bool:
        """Yes."""
        return True


@dataclass(frozen=True, slots=True)
class Taken:
    """One row understood. `calls`, `tokens` of the models that were asked; `problem` of theirs."""

    row: Row
    verdict: Verdict
    seconds: float
    calls: int = 0
    tokens: int = 0
    problem: str = ""


Way = Callable[[Row], Taken]


def asker(row: Row) -> Asker:
    """Somebody of the row's language."""
    return Asker(0, Everything(), row.language, NOW, ZONE)


def by_rules(row: Row) -> Taken:
    """The first three stages. No I/O."""
    began = time.perf_counter()
    found = understand(row.text, asker(row))
    return Taken(row, judge(row, found), time.perf_counter() - began)


def with_model(alias: str = "", seconds: float = SECONDS) -> Way:
    """All four stages; the model of that alias, the default one for "", is asked as a chat would
    ask it: with the same tools, masks, limits and checks. `seconds` is what a row may take."""

    def take(row: Row) -> Taken:
        trace = uuid.uuid4().hex
        purpose = Purpose(WHY, audience="chat:0", trace_id=trace)
        began = time.perf_counter()
        budget = Budget(seconds=seconds)
        found = understand_fully(row.text, asker(row), purpose, model=alias, budget=budget)
        took = time.perf_counter() - began
        calls = list(ModelCall.objects.filter(trace_id=trace))
        tokens = sum(one.tokens_in + one.tokens_out for one in calls)
        return Taken(row, judge(row, found), took, len(calls), tokens, _problem(found))

    return take


def _problem(found: Understood) -> str:
    return found.note.en if found.note else ""
