"""Collections: who may find what is in them, and who may add to them.

Whoever may neither read nor write a collection is told the same as of one that does not exist.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Protocol

from django.db import IntegrityError, transaction

from apps.accounts import authz, guard
from apps.accounts.models import Person
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.i18n import Text, both
from apps.knowledge.errors import BadCollection, UnknownCollection, WhichCollection
from apps.knowledge.models import Collection

MANAGE = "console.knowledge"
#: Made by itself for whoever may write it.
DEFAULT = "general"
_NAME = re.compile(r"[\w-]{1,50}")
_HINT = both("你可以使用：{names}。", " There are: {names}.")
_NO_HINT = both("", "")


class Rights(Protocol):
    """What somebody may do."""

    def allows(self, permission: str) -> bool:
        """Does a role allow it, and none deny it?"""
        ...


def readable(rights: Rights) -> list[Collection]:
    """The collections in which somebody with these rights may find something."""
    every = Collection.objects.order_by("name")
    return [one for one in every if rights.allows(one.read_permission)]


def manageable(actor: Actor) -> list[Collection]:
    """The collections that the actor may add to."""
    every = list(Collection.objects.order_by("name"))
    if actor.is_system:
        return every
    rights = guard.rights_of_actor(actor)
    if rights.allows(MANAGE):
        return every
    return [one for one in every if rights.allows(one.write_permission)]


def clean(name: str) -> str:
    """A name as it is stored and as permissions spell it. Raises `BadCollection`."""
    found = unicodedata.normalize("NFKC", name).strip().casefold()
    if not _NAME.fullmatch(found):
        raise BadCollection(name=name[:50])
    return found


def make(name: str, actor: Actor, title: str = "") -> Collection:
    """The collection of that name, made when there is none.

    Raises `BadCollection`, or `Forbidden` unless the actor may manage documents.
    """
    guard.must_hold(actor, MANAGE)
    return _make(clean(name), actor, title)


def retitle(row: Collection, title: str, actor: Actor) -> Collection:
    """Change how a collection is shown. Raises `Forbidden`."""
    guard.must_hold(actor, MANAGE)
    with transaction.atomic():
        row.title = title[:200]
        row.save(update_fields=["title"])
        _record("collection.retitled", row, actor, title=row.title)
    return row


def open_to(row: Collection, role: str, actor: Actor) -> None:
    """Let a role find what is in it. Raises as `authz.allow`."""
    authz.allow(role, row.read_permission, actor)


def to_write(name: str, actor: Actor) -> Collection:
    """The collection to add to: the one of that name, or without a name the only one there is.

    Raises `UnknownCollection` or `WhichCollection`, neither of which tells of others' collections.
    """
    able = manageable(actor)
    names = ", ".join(one.name for one in able)
    if name.strip():
        wanted = clean(name)
        found = next((one for one in able if one.name == wanted), None)
        if found is None:
            hint: Text = _HINT.format(names=names) if able else _NO_HINT
            raise UnknownCollection(name=wanted, hint=hint)
        return found
    if len(able) == 1:
        return able[0]
    if able:
        raise WhichCollection(names=names)
    guard.must_hold(actor, f"knowledge.write.{DEFAULT}", MANAGE)
    return _make(DEFAULT, actor, "")


def _make(name: str, actor: Actor, title: str) -> Collection:
    with transaction.atomic():
        found = Collection.objects.filter(name=name).first()
        if found is not None:
            return found
        owner = Person.objects.filter(pk=actor.person_id).first() if actor.person_id else None
        try:
            with transaction.atomic():
                row = Collection.objects.create(name=name, title=title[:200], owner=owner)
        except IntegrityError:  # somebody else made it meanwhile
            return Collection.objects.get(name=name)
        _record("collection.added", row, actor)
    return row


def _record(action: str, row: Collection, actor: Actor, **data: object) -> None:
    obj = ("collection", row.pk, row.name)
    audit.record(action, actor=actor, obj=obj, outcome="done", data=data)
