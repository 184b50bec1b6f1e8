"""What people may do, read from the database whenever somebody asks: deny beats allow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from apps.accounts.models import Grant, Person
from apps.accounts.permissions import coverers, covers, overlaps
from apps.core.sql import Among, Prepared, Row

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


roles_of = Prepared(
    lambda: Person.roles.through.objects.filter(
        Among("person_id", "people"), person__is_active=True
    ).values_list("person_id", "role_id")
)
grants_of = Prepared(
    lambda: (
        Grant.objects.filter(Among("role_id", "roles"))
        .order_by("pk")
        .values_list("role_id", "pk", "permission", "effect", "role__name")
    )
)


def rights(people: Iterable[Person]) -> dict[int, Rights]:
    """Return the rights of each person by key, in two queries."""
    return rights_of(person.pk for person in people)


def rights_of(keys: Iterable[int]) -> dict[int, Rights]:
    """Like ``rights`` for the keys of people; an unknown or inactive one has none."""
    wanted = set(keys)
    if not wanted:
        return {}
    roles: dict[int, set[int]] = {}
    for person, role in roles_of.rows(people=wanted):
        roles.setdefault(person, set()).add(role)
    every = set().union(*roles.values())
    grants = grants_of.rows(roles=every) if every else []
    # Most people have the same few roles: what these allow is put together once.
    known = {held: _held(held, grants) for held in {frozenset(held) for held in roles.values()}}
    nothing: tuple[tuple[Held, ...], tuple[Held, ...]] = ((), ())
    return {key: Rights(key, *known.get(frozenset(roles.get(key, ())), nothing)) for key in wanted}


def _held(
    roles: frozenset[int], grants: Iterable[Row]
) -> tuple[tuple[Held, ...], tuple[Held, ...]]:
    """What a set of roles allows, and what it denies, oldest grant first."""
    found: tuple[list[Held], list[Held]] = ([], [])
    for role, key, pattern, effect, name in grants:
        if role in roles:
            found[effect == "deny"].append(Held(key, pattern, name))
    return tuple(found[0]), tuple(found[1])


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
