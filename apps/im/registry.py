"""Finds the platforms: every module in `apps/im/platforms`, and other packages' entry points."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

import structlog

from apps.core.errors import ClawdbotError
from apps.im import platforms
from apps.im.platform import Platform

GROUP = "clawdbot.platforms"
log = structlog.get_logger(__name__)


class UnknownPlatform(ClawdbotError):
    """There is no platform called {name}; known are: {known}."""

    code = "unknown_platform"
    zh = "没有名为 {name} 的平台；可用的有：{known}。"
    http_status = 404
    permanent = True


@dataclass
class Registry:
    """The platforms by name, and what was wrong while they were being found."""

    platforms: dict[str, Platform] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, cls: type[Platform], where: str) -> None:
        """Take one platform in; the second of a name is a problem and changes nothing."""
        held = self.platforms.get(cls.name)
        if held is None:
            self.platforms[cls.name] = cls()
        elif type(held) is not cls:
            first = type(held).__module__
            self.problems.append(f"platform {cls.name!r} is defined in {first} and in {where}")

    def add_module(self, module: ModuleType) -> None:
        """Take in every platform class that this module itself defines."""
        for value in vars(module).values():
            if not (isinstance(value, type) and issubclass(value, Platform) and value.name):
                continue
            if value.__module__ == module.__name__:  # what it merely imports is not its own
                self.add(value, module.__name__)


def find(package: ModuleType, group: str) -> Registry:
    """Look into a package's folder and an entry-point group; broken modules become problems."""
    registry = Registry()
    for name, load in _sources(package, group):
        try:
            found = load()
        except Exception as error:  # noqa: BLE001 - somebody else's module may raise anything
            log.error("platform.broken", module=name, error=repr(error))
            registry.problems.append(f"{name} cannot be imported: {error!r}")
            continue
        if isinstance(found, type) and issubclass(found, Platform):
            registry.add(found, name)
        else:
            registry.add_module(found)
    return registry


def _sources(package: ModuleType, group: str) -> Iterator[tuple[str, Any]]:
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        if not info.name.startswith("_"):
            name = f"{package.__name__}.{info.name}"
            yield name, functools.partial(importlib.import_module, name)
    for point in sorted(entry_points(group=group), key=lambda one: one.name):
        yield f"{point.name} ({point.value})", point.load


@functools.cache
def registry() -> Registry:
    """The platforms of this installation, found once in each process."""
    return find(platforms, GROUP)


def get_platform(name: str) -> Platform:
    """The platform of that name. Needs no database. Raises `UnknownPlatform`."""
    found = registry()
    try:
        return found.platforms[name]
    except KeyError:
        known = ", ".join(sorted(found.platforms))
        why = "; ".join(found.problems)
        raise UnknownPlatform(f"{name}: {why}" if why else "", name=name, known=known) from None


def all_platforms() -> dict[str, Platform]:
    """Every platform, by name."""
    return registry().platforms
