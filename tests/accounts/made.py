"""What the tests of people and rights make besides the cast."""

from __future__ import annotations

from apps.accounts import authz
from apps.accounts.models import Person, Role
from apps.audit.actor import Actor

SYSTEM = Actor.system("test")


def role(name: str, *allow: str, deny: tuple[str, ...] = ()) -> Role:
    """Make a role with grants."""
    made = authz.add_role_named(name, SYSTEM)
    for permission in allow:
        authz.allow(made, permission, SYSTEM)
    for permission in deny:
        authz.deny(made, permission, SYSTEM)
    return made


def person(name: str, *roles: Role | str) -> Person:
    """Make a person with roles."""
    return authz.add_person(name, SYSTEM, roles=roles)
