"""Whatever people do to rights, nobody ends up with more than the model of twenty lines allows."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts import authz, grants, people
from apps.accounts.errors import Forbidden, LastAdministrator
from apps.accounts.models import Person, Role
from apps.accounts.rights import Held, Rights

AREAS = ("skill", "console")
ACTIONS = ("a", "b", "permissions", "accounts")
CONCRETE = [f"{area}.{action}" for area in AREAS for action in ACTIONS]
MANAGE = "console.permissions"
PATTERNS = ["*", *(f"{area}.*" for area in AREAS), *CONCRETE]


# ---- the independent model: sets of concrete permissions, no patterns, no order ----
def meaning(pattern: str) -> set[str]:
    """What a pattern names."""
    if pattern == "*":
        return set(CONCRETE)
    area, _, action = pattern.partition(".")
    return {p for p in CONCRETE if p.split(".")[0] == area and action in ("*", p.split(".")[1])}


def union(patterns: list[str]) -> set[str]:
    """What several patterns name."""
    return set().union(*map(meaning, patterns))


def may(person: Person) -> set[str]:
    """What somebody may do: everything allowed by any role minus everything denied by any."""
    if not Person.objects.get(pk=person.pk).is_active:
        return set()
    roles = person.roles.prefetch_related("grants")
    rows = [(grant.effect, grant.permission) for role in roles for grant in role.grants.all()]
    allowed = union([p for effect, p in rows if effect == "allow"])
    return allowed - union([p for effect, p in rows if effect == "deny"])


patterns = st.lists(st.sampled_from(PATTERNS), max_size=5)


@given(patterns, patterns)
def test_decisions_agree_with_the_model(allow: list[str], deny: list[str]) -> None:
    held = Rights(
        1,
        tuple(Held(n, p, "r") for n, p in enumerate(allow)),
        tuple(Held(n, p, "r") for n, p in enumerate(deny)),
    )
    expected = union(allow) - union(deny)
    assert {p for p in CONCRETE if held.allows(p)} == expected
    for pattern in PATTERNS:
        if held.allows(pattern):
            assert meaning(pattern) <= expected


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(8))
def test_no_series_of_actions_widens(seed: int) -> None:
    dice = random.Random(seed)
    roles = [Role.objects.create(name=f"r{n}") for n in range(5)]
    crowd = [Person.objects.create_person(f"p{n}") for n in range(4)]
    for role in roles:
        for _ in range(dice.randint(0, 3)):
            effect = dice.choice(("allow", "deny"))
            role.grants.get_or_create(permission=dice.choice(PATTERNS), effect=effect)
    roles[0].grants.get_or_create(permission="console.permissions", effect="allow")
    for person in crowd:
        person.roles.set(dice.sample(roles, dice.randint(0, 3)))
    for _ in range(40):
        _one_step(dice, crowd, roles)
    agreed = authz.rights(crowd)
    for person in crowd:
        assert {p for p in CONCRETE if agreed[person.pk].allows(p)} == may(person)


def _one_step(dice: random.Random, crowd: list[Person], roles: list[Role]) -> None:
    actor, target = dice.choice(crowd), dice.choice(crowd)
    role, permission = dice.choice(roles), dice.choice(PATTERNS)
    before = {person.pk: may(person) for person in crowd}
    change = dice.choice(
        (
            lambda: authz.allow(role, permission, actor),
            lambda: authz.deny(role, permission, actor),
            lambda: authz.revoke(role, permission, actor),
            lambda: people.add_role(target, role, actor),
            lambda: people.remove_role(target, role, actor),
            lambda: people.disable_person(target, actor),
            lambda: people.enable_person(target, actor),
            lambda: grants.relabel(role, "x", "x", actor),
        )
    )
    try:
        change()
    except (Forbidden, LastAdministrator):
        assert {person.pk: may(person) for person in crowd} == before
        return
    for person in crowd:
        gained = may(person) - before[person.pk]
        assert gained <= before[actor.pk], "somebody got what the actor did not hold"
        assert not gained or person != actor, "somebody gave to themselves"
    managed = any(MANAGE in rights for rights in before.values())
    assert not managed or any(MANAGE in may(person) for person in crowd)
