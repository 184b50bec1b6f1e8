"""The people of the tests: Alice runs the place, Bob and Carol work there, Mallory does not."""

from __future__ import annotations

import pytest

from apps.accounts.models import Department, Person, Role
from apps.accounts.shipped import ensure_roles


@pytest.fixture
def roles(db: None) -> dict[str, Role]:
    """The shipped roles by name."""
    ensure_roles()
    return {role.name: role for role in Role.objects.all()}


def _person(name: str, department: str, *roles: Role) -> Person:
    person = Person.objects.create_person(name, display_name=name.title())
    if department:
        person.department = Department.objects.get_or_create(name=department)[0]
        person.save()
    person.roles.set(roles)
    return person


@pytest.fixture
def alice(roles: dict[str, Role]) -> Person:
    """An administrator."""
    return _person("alice", "IT", roles["administrator"], roles["member"])


@pytest.fixture
def bob(roles: dict[str, Role]) -> Person:
    """A member."""
    return _person("bob", "Sales", roles["member"])


@pytest.fixture
def carol(roles: dict[str, Role]) -> Person:
    """A member of another department."""
    return _person("carol", "Finance", roles["member"])


@pytest.fixture
def mallory(roles: dict[str, Role]) -> Person:
    """Nobody: no role, no department, no binding."""
    return _person("mallory", "")
