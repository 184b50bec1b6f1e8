"""What an understanding is worth: right at which stage, wrong, or nothing. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from apps.assistant.plan import PLAN, Plan
from apps.assistant.understand import Understood
from apps.skills.base import Skill, get
from benchmarks.understanding.rows import Row

#: `offered`: the right skill is a button away. `let be`: nothing fits, and nothing was done.
Outcome = Literal["command", "phrase", "offered", "model", "let be", "wrong", "nothing"]
OUTCOMES: tuple[Outcome, ...] = (
    "command", "phrase", "offered", "model", "let be", "wrong", "nothing",
)  # fmt: skip
#: Those that need nothing more of the asker.
RIGHT = frozenset({"command", "phrase", "model", "let be"})
#: Who asks a question is served by an answer in words as by the skill for questions.
IN_WORDS = "ask"
_SILENT = re.compile(r"[\W_]+")
#: What people put in their own words, which may come with a little more around it (`去接孩子` for
#: `接孩子`): how much more, in characters.
FREE = frozenset({"text", "question", "about"})
SLACK = 12


@dataclass(frozen=True, slots=True)
class Verdict:
    """`parameters` is None where a row states none or the skill is not there.

    `guessed`: something that writes would have run although nobody typed or confirmed it.
    """

    outcome: Outcome
    parameters: bool | None = None
    guessed: bool = False
    found: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)


def judge(row: Row, found: Understood) -> Verdict:
    """Compare what a text was taken for with what it is to be taken for."""
    outcome = _outcome(row, found)
    right = None
    if found.skill is not None and outcome in RIGHT and row.parameters:
        given = found.parameters
        right = all(same(name, value, given.get(name)) for name, value in row.parameters.items())
    name = found.skill.name if found.skill else ",".join(one.skill for one in found.offers)
    return Verdict(outcome, right, guesses(row, found), name, dict(found.parameters))


def _outcome(row: Row, found: Understood) -> Outcome:
    if found.skill is not None:
        right = found.skill.name == row.skill
        return _stage(found) if right else "wrong"
    if row.skill is None:
        return "let be"
    if found.words and row.skill == IN_WORDS:
        return "model"
    return "offered" if row.skill in {one.skill for one in found.offers} else "nothing"


def _stage(found: Understood) -> Outcome:
    return found.stage if found.stage in ("command", "phrase", "model") else "wrong"


def guesses(row: Row, found: Understood) -> bool:
    """Would something that writes run, without a question back, on less than the asker's word?

    What was typed, or said in a declared way, is the asker's word; what a model proposed never is,
    nor what was taken for something else.
    """
    if found.skill is None or not found.runs:
        return False
    if found.stage != "model" and found.skill.name == row.skill:
        return False
    return any(one.writes for one in _skills(found.skill, found.parameters))


def _skills(skill: Skill, parameters: Mapping[str, Any]) -> list[Skill]:
    """The skill, or those of the steps of a plan."""
    if skill.name != PLAN:
        return [skill]
    steps = Plan.from_json(parameters["steps"]).steps
    return [found for one in steps if (found := get(one.skill)) is not None]


def same(name: str, expected: Any, given: Any) -> bool:
    """Is this the value of that parameter? Case and punctuation of texts do not count."""
    if not isinstance(expected, str):
        return bool(expected == given)
    want, have = bare(expected), bare(str(given or ""))
    if name not in FREE:
        return want == have
    return want in have and len(have) <= len(want) + SLACK


def bare(text: str) -> str:
    """A text without case, width, blanks and punctuation."""
    return _SILENT.sub("", unicodedata.normalize("NFKC", text).casefold())
