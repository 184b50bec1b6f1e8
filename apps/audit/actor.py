"""Who does something: a person, the system, whoever sits at the machine, or a stranger."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Actor:
    """The one on whose behalf an action runs, as it stands in the audit."""

    kind: str
    id: str
    label: str = ""

    @property
    def key(self) -> str:
        """The text of the audit's column: ``person:7``, ``cli:alice``, ``system:sweeper`` …"""
        return f"{self.kind}:{self.id}"

    @property
    def is_system(self) -> bool:
        """True for the installation itself: its own parts, and whoever can read its folder."""
        return self.kind in {"system", "cli"}

    @property
    def person_id(self) -> int | None:
        """The key of the person, or None when it is none."""
        return int(self.id) if self.kind == "person" else None

    @classmethod
    def person(cls, person: Any) -> Actor:
        """Return the actor of a row of accounts.Person (a floor above, hence no type)."""
        return cls("person", str(int(person.pk)), str(person))

    @classmethod
    def system(cls, part: str) -> Actor:
        """Return the actor of a part that acts by itself, such as ``sweeper``."""
        return cls("system", part)

    @classmethod
    def cli(cls) -> Actor:
        """Return the actor of a management command: the Unix user who runs it."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):  # a container may run under a uid without a name
            user = "unknown"
        return cls("cli", user)

    @classmethod
    def stranger(cls, platform: str, external_id: str) -> Actor:
        """Return the actor of an identity that belongs to nobody."""
        return cls("stranger", f"{platform}:{external_id}")
