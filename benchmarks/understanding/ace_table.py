"""ACEBench's cases asked of a model through our own wire, and what its answers are worth.

A case is right when its calls are the expected ones and every value is. As in the published
checker, a text is right when it holds the expected one (case and punctuation aside), and nothing
may be given beside what is expected.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.core.errors import ClawdbotError
from apps.llm import gateway
from apps.llm.shapes import Answer, Ask, Purpose
from benchmarks.understanding.ace import Case, Expected
from benchmarks.understanding.judge import bare
from benchmarks.understanding.ways import WHY

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scored:
    """One case: were the right functions called, and with the right parameters?"""

    id: str
    category: str
    language: str
    functions: bool
    parameters: bool
    called: Sequence[tuple[str, Mapping[str, Any]]]
    tokens: int
    seconds: float
    problem: str = ""


def ask(case: Case, alias: str, seconds: float) -> Scored:
    """Ask a model, and score what it calls; a model that fails has called nothing."""
    began = time.perf_counter()
    answer, problem = Answer(), ""
    try:
        wanted = Ask(case.turns, case.tools, max_tokens=2048, timeout=seconds)
        answer = gateway.call(wanted, Purpose(WHY, audience="chat:0"), alias)
    except ClawdbotError as error:
        problem = error.text("en")
    called = [(case.names.get(one.name, one.name), dict(one.arguments)) for one in answer.calls]
    functions, parameters = score(case.expected, called)
    tokens = answer.usage.tokens_in + answer.usage.tokens_out
    took = time.perf_counter() - began
    about = (case.id, case.category, case.language)
    return Scored(*about, functions, parameters, called, tokens, took, problem)


def score(expected: Sequence[Expected], called: Expected) -> tuple[bool, bool]:
    """Are these the functions, and are these the parameters, of any alternative?"""
    names = sorted(name for name, _ in called)
    same = [one for one in expected if sorted(name for name, _ in one) == names]
    return bool(same), any(_matches(list(one), list(called)) for one in same)


def _matches(expected: list[tuple[str, Mapping[str, Any]]], called: list[Any]) -> bool:
    """Each expected call has one of its own; which of the same name comes first is no matter."""
    if not expected:
        return True
    (name, wanted), *rest = expected
    return any(
        _matches(rest, [*called[:at], *called[at + 1 :]])
        for at, (other, given) in enumerate(called)
        if other == name and alike(wanted, given)
    )


def alike(expected: Any, given: Any) -> bool:
    """Is this the expected value?"""
    if isinstance(expected, Mapping):
        same = isinstance(given, Mapping) and expected.keys() == given.keys()
        return same and all(alike(value, given[key]) for key, value in expected.items())
    if isinstance(expected, list):
        same = isinstance(given, list) and len(expected) == len(given)
        return same and all(map(alike, expected, given))
    if isinstance(expected, str):
        return bare(expected) in bare(str(given))
    if isinstance(expected, bool) or isinstance(given, bool):
        return expected is given
    return bool(expected == given)


HEAD = ("", "cases", "functions", "parameters", "tokens", "median s")


def lines(scored: Sequence[Scored]) -> list[Line]:
    """By language and category, and all of each language."""
    found = []
    for language in sorted({one.language for one in scored}, reverse=True):
        mine = [one for one in scored if one.language == language]
        for category in sorted({one.category for one in mine}):
            group = [one for one in mine if one.category == category]
            found.append(_line(f"{language} {category}", group))
        found.append(_line(f"{language} all", mine))
    return found


def _line(name: str, group: Sequence[Scored]) -> Line:
    return {
        "group": name,
        "cases": len(group),
        "functions": sum(one.functions for one in group),
        "parameters": sum(one.parameters for one in group),
        "tokens": round(statistics.mean(one.tokens for one in group)),
        "median_s": round(statistics.median(one.seconds for one in group), 3),
    }


def markdown(found: Sequence[Line]) -> str:
    """The lines as a table."""
    shown = [HEAD, ["---"] * len(HEAD), *(list(map(str, one.values())) for one in found)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in shown)


def problems(scored: Sequence[Scored]) -> list[str]:
    """Why a model gave no answer, and how often."""
    said = [one.problem for one in scored if one.problem]
    return [f"{said.count(one)} x {one}" for one in sorted(set(said))]
