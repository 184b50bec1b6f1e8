"""Django asks here who signs in and what they may do; our grants answer, and nothing else.

Django's names map to ours: `<app>.view_<model>` needs `console.view` (the audit's: `audit.read`);
add, change and delete need `console.<app>`, for people and roles `console.permissions` will also
do. The audit is added to by no one. Every other name is one of ours.
"""

from __future__ import annotations

import re
from typing import Any

from django.apps import apps
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from apps.accounts.guard import MANAGE_RIGHTS
from apps.accounts.models import Person
from apps.accounts.rights import rights_of

_MODEL_ACTION = re.compile(r"(view|add|change|delete)_[a-z0-9_]+")


class GrantBackend(BaseBackend):
    """Name and password, and rights from roles. Keeps nothing between two questions."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Person | None:
        """Return the active person with this name and password."""
        wanted = name or username
        if not wanted or not password:
            return None
        person = Person.objects.filter(name=wanted).first()
        if person is None:
            make_password(password)  # an unknown name takes as long as a wrong password
            return None
        return person if person.check_password(password) and person.is_active else None

    def get_user(self, user_id: int) -> Person | None:
        """Return the person of a session; one who was switched off has none any more."""
        return Person.objects.filter(pk=user_id, is_active=True).first()

    def has_perm(self, user_obj: Any, perm: str, obj: object = None) -> bool:
        """Tell whether a role of the person allows it."""
        if not isinstance(user_obj, Person) or user_obj.pk is None:
            return False
        held = rights_of([user_obj.pk])[user_obj.pk]
        return any(held.allows(permission) for permission in needed(perm))

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Tell whether the person may see an app in the console."""
        return self.has_perm(user_obj, f"{app_label}.view_any")


def needed(perm: str) -> tuple[str, ...]:
    """Return our permissions of which one is needed for what Django calls `perm`."""
    app, _, action = perm.partition(".")
    found = _MODEL_ACTION.fullmatch(action)
    if not found or app not in apps.app_configs:
        return (perm,)
    if found[1] == "view":
        return ("audit.read",) if app == "audit" else ("console.view",)
    if app == "audit":
        return ()
    return (f"console.{app}", MANAGE_RIGHTS) if app == "accounts" else (f"console.{app}",)
