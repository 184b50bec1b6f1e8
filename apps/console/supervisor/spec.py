"""The plan as data: which children, with which command lines, and how each is asked to stop.

It can be written as JSON, because `manage.py up` hands it to the fresh process that it becomes.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

#: The order of stopping; starting goes by `after`.
STOP_ORDER = (
    "beat",
    "connect",
    "web",
    "flower",
    "worker-model",
    "worker-io",
    "worker-jobs",
    "valkey",
)


@dataclass(frozen=True)
class Spec:
    """One child. `ready` is `socket:PATH`, `http:HOST:PORT:PATH`, `file:PATH` or empty."""

    role: str
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()  # roles that must be ready first
    ready: str = ""
    silent_s: float = 0.0  # without a sign of life for longer it is started again; 0: never asked
    share_s: float = 2.0  # of the time to stop
    hurry: int = 0  # a signal sent 2 s before the end of the share
    wanted: str = ""  # a file: only once it is there the child is started; empty: always

    @property
    def module(self) -> str | None:
        """The Python module that is run, when the command line is `python -m MODULE …`."""
        return self.argv[2] if self.argv[:2] == (sys.executable, "-m") else None

    @staticmethod
    def from_dict(found: dict[str, Any]) -> Spec:
        """Read back what `asdict` wrote."""
        return Spec(**{**found, "argv": tuple(found["argv"]), "after": tuple(found["after"])})


@dataclass(frozen=True)
class Plan:
    """All children of one `up`, the data folder they share, and what to say when they are ready."""

    home: Path
    folder: Path  # the working folder of the children
    specs: tuple[Spec, ...]
    banner: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The plan as one JSON text."""
        found = asdict(self) | {"home": str(self.home), "folder": str(self.folder)}
        return json.dumps(found)

    @staticmethod
    def from_json(text: str) -> Plan:
        """Read back what `to_json` wrote."""
        found = json.loads(text)
        specs = tuple(Spec.from_dict(item) for item in found["specs"])
        return Plan(Path(found["home"]), Path(found["folder"]), specs, tuple(found["banner"]))

    def in_stop_order(self) -> list[Spec]:
        """The children, first to stop first."""
        return sorted(self.specs, key=lambda spec: STOP_ORDER.index(spec.role))
