"""Finds the stand-ins: a module of this folder with a `Desk` whose `platform` is set."""

from __future__ import annotations

import importlib
import pkgutil

import apps.simulate
from apps.simulate.desk import Desk


def all_desks() -> dict[str, type[Desk]]:
    """The stand-ins by the platform that they stand in for."""
    for info in pkgutil.iter_modules(apps.simulate.__path__):
        if not info.ispkg and not info.name.startswith("_"):
            importlib.import_module(f"{apps.simulate.__name__}.{info.name}")
    # A class that others build on is a part of theirs.
    return {kind.platform: kind for kind in _leaves(Desk) if kind.platform}


def _leaves(kind: type[Desk]) -> list[type[Desk]]:
    package = apps.simulate.__name__ + "."
    below = [one for one in kind.__subclasses__() if one.__module__.startswith(package)]
    return [leaf for one in below for leaf in _leaves(one)] if below else [kind]
