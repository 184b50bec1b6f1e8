"""A case: a fault, where it applies, and the figures that it has to meet besides the invariants."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.site import SETUPS

if TYPE_CHECKING:
    from tests.faults.run import Run

Fault = Callable[["Run"], None]
CASES: dict[str, Case] = {}


class CannotRun(Exception):
    """This machine lacks what the case needs; the text names it."""


@dataclass(frozen=True)
class Case:
    """`fault` is called 4 s after the first message, while messages keep coming."""

    name: str
    title: str
    title_zh: str
    fault: Fault
    setups: tuple[str, ...] = SETUPS
    count: int = 500
    rate: float = 40
    hands: int = 12
    why_not: str = ""  # why it does not apply to the other set-ups


def in_order() -> list[Case]:
    """All cases as people count them: F1, F2 … F9, F9b, F10 …, P1."""

    def place(found: Case) -> tuple[str, int, str]:
        letter, number, more = re.fullmatch(r"([A-Z])(\d+)(\w*)", found.name).groups()  # type: ignore[union-attr]
        return letter, int(number), more

    return sorted(CASES.values(), key=place)


def case(
    name: str,
    title: str,
    title_zh: str,
    *,
    setups: Iterable[str] = SETUPS,
    count: int = 500,
    rate: float = 40,
    hands: int = 12,
    why_not: str = "",
) -> Callable[[Fault], Fault]:
    """Declare a case; the function injects the fault and returns when it is over."""

    def declare(fault: Fault) -> Fault:
        assert name not in CASES, name
        found = tuple(setups)
        CASES[name] = Case(name, title, title_zh, fault, found, count, rate, hands, why_not)
        return fault

    return declare
