"""Which skills there are: every file in builtin/, every entry point `clawdbot.skills`, and what
came as rows (`apps.skills.added`), which may change while we run.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING

from apps.skills import builtin
from apps.skills.names import fold

if TYPE_CHECKING:
    from apps.skills.base import Skill

GROUP = "clawdbot.skills"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that kept a skill out: which module, and what is wrong with it."""

    kind: str  # import, name
    module: str
    problem: str


@dataclass
class _Shelf:
    """Everything that has been declared. `edition` changes whenever the shelf does."""

    skills: dict[str, Skill] = field(default_factory=dict)
    words: dict[str, Skill] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    edition: int = 0
    loaded: bool = False
    loading: bool = False


_shelf = _Shelf()
_lock = threading.RLock()


def add(skill: Skill) -> None:
    """Put a skill on the shelf. A name or alias that is taken keeps it out and is a fault."""
    with _lock:
        old = _shelf.skills.get(skill.name)
        if old is not None and (old.module, old.qualname) == (skill.module, skill.qualname):
            _drop(old)
        taken = [(w, _shelf.words[fold(w)]) for w in skill.words if fold(w) in _shelf.words]
        for word, other in taken:
            problem = f"skill {skill.name}: {word!r} already belongs to {other.module}"
            _shelf.faults.append(Fault("name", skill.module, problem))
        if not taken:
            _shelf.skills[skill.name] = skill
            _shelf.words |= {fold(word): skill for word in skill.words}
        _shelf.edition += 1


def _drop(skill: Skill) -> None:
    del _shelf.skills[skill.name]
    _shelf.words = {word: other for word, other in _shelf.words.items() if other is not skill}


def replace(family: str, skills: Iterable[Skill]) -> None:
    """Put these in place of the skills that the family had; a word that is taken keeps one out.

    Whoever goes through what `registry` or `words` gave before goes on with what was there then.
    """
    load()
    with _lock:
        kept = {n: one for n, one in _shelf.skills.items() if one.family != family}
        words = {w: one for w, one in _shelf.words.items() if one.family != family}
        for skill in skills:
            own = {fold(word) for word in skill.words}
            if own.isdisjoint(words):
                kept[skill.name] = skill
                words |= dict.fromkeys(own, skill)
            else:
                log.warning("the skill %s is kept out: a name of it is taken", skill.name)
        _shelf.skills, _shelf.words = kept, words
        _shelf.edition += 1


def load() -> Mapping[str, Skill]:
    """Import every skill once; one that cannot be imported is a fault, not a stop."""
    with _lock:
        # A skill's module may ask for the registry while it is being imported.
        if not _shelf.loaded and not _shelf.loading:
            _shelf.loading = True
            try:
                _import_all()
            finally:
                _shelf.loading = False
            _shelf.loaded = True
    return MappingProxyType(_shelf.skills)


def _import_all() -> None:
    for found in sorted(pkgutil.iter_modules(builtin.__path__), key=lambda m: m.name):
        _import(f"{builtin.__name__}.{found.name}")
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        _import(point.value.partition(":")[0])


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except Exception as error:
        log.exception("the skill in %s cannot be imported", module)
        _shelf.faults.append(Fault("import", module, f"{type(error).__name__}: {error}"))


def registry() -> Mapping[str, Skill]:
    """Return all skills by name."""
    return MappingProxyType(_shelf.skills) if _shelf.loaded else load()


def get(name: str) -> Skill | None:
    """Return the skill of that exact name."""
    return registry().get(name)


def lookup(word: str) -> Skill | None:
    """Return the skill that is called so in any language: name, Chinese name or alias."""
    if not _shelf.loaded:
        load()
    return _shelf.words.get(fold(word))


def words() -> Mapping[str, Skill]:
    """Return every folded name and alias with its skill."""
    registry()
    return MappingProxyType(_shelf.words)


def edition() -> int:
    """Return a number that changes whenever skills were added, for those who keep an index."""
    registry()
    return _shelf.edition


def faults() -> list[Fault]:
    """Return what kept skills out."""
    registry()
    return list(_shelf.faults)


@contextmanager
def borrowed() -> Iterator[None]:
    """Let skills be declared for a while (tests, documentation); afterwards they are gone."""
    load()
    with _lock:
        kept = dict(_shelf.skills), dict(_shelf.words), list(_shelf.faults)
    try:
        yield
    finally:
        with _lock:
            _shelf.skills, _shelf.words, _shelf.faults = kept
            _shelf.edition += 1
