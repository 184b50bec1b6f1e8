"""Find people and roles by name, and say what there is when a name is unknown."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

from apps.accounts.errors import InvalidName, UnknownName
from apps.accounts.models import Person, Role
from apps.core.i18n import Text, both

PERSON = both("人员", "person")
ROLE = both("角色", "role")
_SHOWN = 10


def clean_name(name: str, limit: int) -> str:
    """Return a name as it is stored: one spelling, no control or invisible characters.

    Raises ``InvalidName``.
    """
    found = " ".join(unicodedata.normalize("NFKC", name).split())
    if not 1 <= len(found) <= limit or not found.isprintable():
        raise InvalidName(name=name[:limit], limit=limit)
    return found


def person_named(name: str) -> Person:
    """Return the person; raises ``UnknownName`` with the nearest names."""
    found = Person.objects.filter(name=" ".join(unicodedata.normalize("NFKC", name).split()))
    person = found.first()
    if person is None:
        known = Person.objects.order_by("pk").values_list("name", flat=True)
        raise UnknownName(kind=PERSON, name=name, hint=hint(name, known))
    return person


def role_named(role: Role | str) -> Role:
    """Return the role; raises ``UnknownName`` with the nearest names."""
    if isinstance(role, Role):
        return role
    found = Role.objects.filter(name=role.strip()).first()
    if found is None:
        known = Role.objects.order_by("name").values_list("name", flat=True)
        raise UnknownName(kind=ROLE, name=role, hint=hint(role, known))
    return found


def hint(word: str, known: Iterable[str]) -> Text:
    """Return `did you mean …`, or what there is."""
    names = list(known)
    near = get_close_matches(word, names, n=3, cutoff=0.6)
    if near:
        return _list("你是不是要找:", "Did you mean", near, "?")
    if not names:
        return both("目前一个都没有。", "There is none yet.")
    more = " …" if len(names) > _SHOWN else ""
    return _list("现有:", "There are:", names[:_SHOWN], more)


def _list(zh: str, en: str, names: list[str], tail: str) -> Text:
    return both(f"{zh}{'、'.join(names)}{tail}", f"{en} {', '.join(names)}{tail}")
