"""A whole run, and what is said of it."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from benchmarks.understanding import ace, ace_table, rows, table, ways
from benchmarks.understanding.judge import RIGHT
from benchmarks.understanding.ways import Taken

One = TypeVar("One")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Report:
    """A run as text and as JSON; `safe`: nothing that writes would have run on a guess."""

    text: str
    lines: Sequence[dict[str, Any]]
    details: Sequence[dict[str, Any]] = field(default_factory=tuple)
    problems: Sequence[str] = ()
    safe: bool = True

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"lines": self.lines, "problems": self.problems, "rows": self.details}


def commands(asked: Namespace, alias: str) -> Report:
    """Our own commands, by the rules alone or with a model behind them."""
    way = ways.with_model(alias, asked.seconds) if alias else ways.by_rules
    return report(each(spread(rows.load(), asked.rows), way), details=asked.details)


def report(taken: Sequence[Taken], *, details: bool = False) -> Report:
    """What is said of rows that were understood."""
    found, problems = table.lines(taken), table.problems(taken)
    shown = [detail(one) for one in taken if one.verdict.outcome not in RIGHT]
    text = [table.markdown(found), *problems]
    if details:
        text += [f"{one['outcome']:9} {one['expected']} <- {one['text']}" for one in shown]
    safe = not any(one.verdict.guessed for one in taken)
    return Report("\n".join(text), found, [detail(one) for one in taken], problems, safe)


def detail(one: Taken) -> dict[str, Any]:
    """One row and what came of it."""
    row = one.row
    about = {"text": row.text, "group": row.group, "expected": row.skill}
    spent = {"calls": one.calls, "tokens": one.tokens, "seconds": round(one.seconds, 3)}
    return {**about, **asdict(one.verdict), **spent, "problem": one.problem}


def acebench(asked: Namespace, alias: str) -> Report:
    """The single answers of a clone of ACEBench, asked of the model itself."""
    cases = spread(ace.load(asked.acebench), asked.rows)
    scored = each(cases, lambda case: ace_table.ask(case, alias, asked.seconds))
    found = ace_table.lines(scored)
    problems = ace_table.problems(scored)
    details = [asdict(one) for one in scored]
    return Report("\n".join([ace_table.markdown(found), *problems]), found, details, problems)


def spread(found: Sequence[One], most: int) -> list[One]:
    """At most so many of them, evenly from everywhere; 0 is all."""
    if not 0 < most < len(found):
        return list(found)
    return [found[number * len(found) // most] for number in range(most)]


def each(found: Sequence[One], act: Callable[[One], Result]) -> list[Result]:
    """Do it to each, and say on a terminal how far it is."""
    done = []
    for number, one in enumerate(found, 1):
        done.append(act(one))
        if sys.stderr.isatty():
            print(f"\r{number}/{len(found)} ", end="", file=sys.stderr, flush=True)
    return done
