"""Stage two of understanding: the whole sentences that skills declare to mean them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from apps.core.i18n import Text, both
from apps.skills import registry
from apps.skills.base import Skill
from apps.skills.names import narrow, visible
from apps.skills.parameters import Bound, Invalid, Missing, Result, finish, read_named
from apps.skills.times import Clock

MAX_SENTENCE = 200

_EDGES = " \t\r\n,.!?;:~。，！？；：、"
_FRONT = re.compile(r"(?:请问|请|麻烦你|麻烦|帮我|please\s+)", re.IGNORECASE)
_WHY = both("这是“{name}”的说法", "this is how “{name}” is said")


@dataclass(frozen=True)
class Phrase:
    """A sentence that means a skill, with what it says about the parameters."""

    skill: Skill
    result: Bound | Missing
    why: Text


def as_phrase(skill: Skill, result: Result, why: Text) -> Phrase | None:
    """Return the phrase; None when its parameters do not fit: then it meant something else."""
    return None if isinstance(result, Invalid) else Phrase(skill, result, why)


@dataclass
class _Index:
    exact: dict[str, Skill] = field(default_factory=dict)
    open: list[tuple[re.Pattern[str], Skill]] = field(default_factory=list)


def declared(text: str, clock: Clock, *, attended: bool = True) -> Phrase | None:
    """Return the skill one of whose declared phrases `text` is, politeness and marks aside."""
    said = _tidy(text)
    if not said or len(said) > MAX_SENTENCE:
        return None
    index = _index(registry.edition())
    skill = index.exact.get(said.casefold())
    if skill is not None:
        return as_phrase(skill, finish(skill.parameters, {}, attended=attended), _why(skill))
    for pattern, one in index.open:
        match = pattern.fullmatch(said)
        if match is not None:
            result = read_named(one.parameters, match.groupdict(), clock, attended=attended)
            phrase = as_phrase(one, result, _why(one))
            if phrase is not None:
                return phrase
    return None


def _why(skill: Skill) -> Text:
    return _WHY.format(name=skill.label)


def _tidy(text: str) -> str:
    said = " ".join(narrow(visible(text)).split()).strip(_EDGES)
    front = _FRONT.match(said)
    return said[front.end() :].strip(_EDGES) if front and front.end() < len(said) else said


@lru_cache(maxsize=1)
def _index(edition: int) -> _Index:
    index = _Index()
    for skill in registry.registry().values():
        for phrase in skill.phrases:
            for said in {_tidy(phrase.zh), _tidy(phrase.en)}:
                _add(index, said, skill)
    return index


def _add(index: _Index, said: str, skill: Skill) -> None:
    if "{" not in said:
        index.exact.setdefault(said.casefold(), skill)
        return
    parts = re.split(r"\{([a-z_]+)\}", said)
    literal = [re.escape(part) for part in parts[::2]]
    fields = [f"(?P<{name}>.{{1,{MAX_SENTENCE}}}?)" for name in parts[1::2]]
    pieces = [literal[0], *(f + part for f, part in zip(fields, literal[1:], strict=True))]
    index.open.append((re.compile("".join(pieces), re.IGNORECASE | re.DOTALL), skill))
