"""The figures of a run: one line for each kind of row, and all together."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.understanding.judge import OUTCOMES, RIGHT
from benchmarks.understanding.ways import Taken

GROUPS = ("like zh", "like en", "unlike zh", "unlike en")
Line = dict[str, Any]


def lines(taken: Sequence[Taken]) -> list[Line]:
    """What is counted, by group; the last line is everything."""
    groups = [(name, [one for one in taken if one.row.group == name]) for name in GROUPS]
    return [line(name, found) for name, found in [*groups, ("all", list(taken))] if found]


def line(name: str, taken: Sequence[Taken]) -> Line:
    """Counts of outcomes; `parameters` are those right of those stated; `tokens` for each row that
    asked a model, `median_s` of these (without a model, of all)."""
    outcomes = [one.verdict.outcome for one in taken]
    stated = [one.verdict.parameters for one in taken if one.verdict.parameters is not None]
    asked = [one for one in taken if one.calls]
    return {
        "group": name,
        "rows": len(taken),
        **{outcome: outcomes.count(outcome) for outcome in OUTCOMES},
        "right": sum(one in RIGHT for one in outcomes),
        "parameters": {"right": sum(stated), "stated": len(stated)},
        "guessed_writes": sum(one.verdict.guessed for one in taken),
        "asked": len(asked),
        "tokens": round(statistics.mean(one.tokens for one in asked)) if asked else 0,
        "median_s": round(statistics.median(one.seconds for one in asked or taken), 4),
    }


HEAD = (
    "", "rows", *OUTCOMES, "right", "parameters", "writes on a guess", "tokens a row", "median s",
)  # fmt: skip


def markdown(found: Sequence[Line]) -> str:
    """The lines as a table."""
    return "\n".join(_cells(one) for one in (HEAD, ["---"] * len(HEAD), *map(_row, found)))


def _row(one: Line) -> list[str]:
    stated = one["parameters"]
    counts = [str(one[name]) for name in ("rows", *OUTCOMES)]
    right = f"{100 * one['right'] / one['rows']:.0f} %"
    parameters = f"{stated['right']}/{stated['stated']}"
    guessed, tokens = str(one["guessed_writes"]), str(one["tokens"] or "")
    return [one["group"], *counts, right, parameters, guessed, tokens, f"{one['median_s']:.3g}"]


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def problems(taken: Sequence[Taken]) -> list[str]:
    """Why a model was of no use, and how often, the most frequent first."""
    said = [one.problem for one in taken if one.problem]
    counted = sorted({(said.count(one), one) for one in said}, reverse=True)
    return [f"{count} x {why}" for count, why in counted]
