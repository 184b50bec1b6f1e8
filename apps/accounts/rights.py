"""What people may do, read from the database whenever somebody asks: deny beats allow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from apps.accounts.models import Grant, Person
from apps.accounts.permissions import coverers, covers, overlaps

Reason = Literal["granted", "denied", "missing"]


@dataclass(frozen=True, slots=True)
class Held:
    """One grant that reaches a person through a role."""

    grant_id: int
    pattern: str
    role: str


@dataclass(frozen=True, slots=True)
class Decision:
    """May somebody, and which grant of which role says so."""

    allowed: bool
    permission: str
    reason: Reason
    grant_id: int | None = None
    role: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    """The grants of one person at the moment of asking; empty for whoever is switched off."""

    person_id: int
    allow: tuple[Held, ...] = ()
    deny: tuple[Held, ...] = ()

    def allows(self, permission: str) -> bool:
        """Tell whether a role allows it and none denies it."""
        return self.decide(permission).allowed

    def decide(self, permission: str) -> Decision:
        """Answer with the reason.

        A pattern such as ``skill.*`` is allowed only when all of it is: one denied skill suffices
        to refuse it.
        """
        for held in self.deny:
            if overlaps(held.pattern, permission):
                return Decision(False, permission, "denied", held.grant_id, held.role)
        for held in self.allow:
            if covers(held.pattern, permission):
                return Decision(True, permission, "granted", held.grant_id, held.role)
        return Decision(False, permission, "missing")


def rights(people: Iterable[Person]) -> dict[int, Rights]:
    """Return the rights of each person by key, in one query."""
    return rights_of(person.pk for person in people)


def rights_of(keys: Iterable[int]) -> dict[int, Rights]:
    """Like ``rights`` for the keys of people; an unknown or inactive one has none."""
    wanted = set(keys)
    found: dict[int, tuple[list[Held], list[Held]]] = {key: ([], []) for key in wanted}
    if wanted:
        # One filter(): the same join must hold for key and activity.
        grants = Grant.objects.filter(role__people__in=wanted, role__people__is_active=True)
        columns = ("role__people", "pk", "permission", "effect", "role__name")
        for person_id, key, pattern, effect, role in grants.order_by("pk").values_list(*columns):
            found[person_id][effect == "deny"].append(Held(key, pattern, role))
    return {
        key: Rights(key, tuple(allowed), tuple(denied)) for key, (allowed, denied) in found.items()
    }


def holders(permission: str) -> list[str]:
    """Return the sign-in names of the active people who may do it, in alphabetical order."""
    return sorted(person.name for person in holding(permission))


def holding(permission: str) -> list[Person]:
    """Return the active people who may do it."""
    allowing = {
        "roles__grants__effect": "allow",
        "roles__grants__permission__in": coverers(permission),
    }
    people = list(Person.objects.filter(is_active=True, **allowing).distinct())
    found = rights(people)
    return [person for person in people if found[person.pk].allows(permission)]
