"""The one door to rights: who may what and why, and the actions that change it."""

from __future__ import annotations

from apps.accounts.errors import Forbidden
from apps.accounts.grants import add_role_named, allow, delete_role, deny, revoke
from apps.accounts.guard import refused
from apps.accounts.models import Person
from apps.accounts.people import (
    add_person,
    add_role,
    disable_person,
    enable_person,
    remove_role,
)
from apps.accounts.rights import Decision, Held, Rights, holders, rights, rights_of
from apps.accounts.words import refusal, who_can_give

__all__ = [
    "Decision",
    "Forbidden",
    "Held",
    "Rights",
    "add_person",
    "add_role",
    "add_role_named",
    "allow",
    "delete_role",
    "deny",
    "disable_person",
    "enable_person",
    "holders",
    "may",
    "refusal",
    "remove_role",
    "require",
    "revoke",
    "rights",
    "rights_of",
    "who_can_give",
]


def may(person: Person, permission: str) -> Decision:
    """Decide for one person, as the database says now."""
    return rights([person])[person.pk].decide(permission)


def require(person: Person, permission: str) -> None:
    """Raise ``Forbidden``, with the sentence for the person, unless it is allowed."""
    decision = may(person, permission)
    if not decision.allowed:
        raise refused(decision)
