"""Finds what lies in a folder: the classes of a package's modules and of an entry-point group."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import structlog

from apps.core.errors import ClawdbotError

log = structlog.get_logger(__name__)


class Named(Protocol):
    """What can be found: a class with a name; without one it is only a base of others."""

    name: ClassVar[str]


Kind = TypeVar("Kind", bound=Named)


@dataclass
class Found(Generic[Kind]):
    """One of each class by its name, and what was wrong while they were being found."""

    kind: type[Kind]
    named: dict[str, Kind] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, cls: type[Kind], where: str) -> None:
        """Take one in; the second of a name is a problem and changes nothing."""
        held = self.named.get(cls.name)
        if held is None:
            self.named[cls.name] = cls()
        elif type(held) is not cls:
            first = type(held).__module__
            self.problems.append(f"{cls.name!r} is defined in {first} and in {where}")

    def get(self, name: str, unknown: type[ClawdbotError]) -> Kind:
        """The one of that name; raises `unknown` with `name` and the `known` ones."""
        if name in self.named:
            return self.named[name]
        why = "; ".join(self.problems)
        known = ", ".join(sorted(self.named))
        raise unknown(f"{name}: {why}" if why else "", name=name, known=known)

    def add_module(self, module: ModuleType) -> None:
        """Take in every class that this module itself defines."""
        for value in vars(module).values():
            if not (isinstance(value, type) and issubclass(value, self.kind) and value.name):
                continue
            if value.__module__ == module.__name__:  # what it merely imports is not its own
                self.add(value, module.__name__)


def find(package: ModuleType, group: str, kind: type[Kind]) -> Found[Kind]:
    """Look into a package's folder and an entry-point group; broken modules become problems."""
    found = Found(kind)
    for name, load in _sources(package, group):
        try:
            got = load()
        except Exception as error:  # noqa: BLE001 - somebody else's module may raise anything
            log.error("plugin.broken", module=name, error=repr(error))
            found.problems.append(f"{name} cannot be imported: {error!r}")
            continue
        if isinstance(got, type) and issubclass(got, kind):
            found.add(got, name)
        else:
            found.add_module(got)
    return found


def _sources(package: ModuleType, group: str) -> Iterator[tuple[str, Any]]:
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        if not info.name.startswith("_"):
            name = f"{package.__name__}.{info.name}"
            yield name, functools.partial(importlib.import_module, name)
    for point in sorted(entry_points(group=group), key=lambda one: one.name):
        yield f"{point.name} ({point.value})", point.load
