"""Roles and their grants: each change is checked, made and audited in one transaction."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from apps.accounts import guard
from apps.accounts.errors import NameTaken, Shipped
from apps.accounts.models import Grant, Person, Role
from apps.accounts.names import ROLE, clean_name, role_named
from apps.accounts.permissions import normalise
from apps.audit import log
from apps.audit.actor import Actor


@transaction.atomic
def allow(role: Role | str, permission: str, actor: Actor | Person) -> Grant:
    """Let a role do what `permission` names; nothing happens when it may already.

    Raises ``InvalidPermission``, ``UnknownName``, or ``Forbidden`` unless the actor may change
    rights, holds the permission, and does not have the role.
    """
    actor, role, permission = guard.as_actor(actor), role_named(role), normalise(permission)
    guard.lock_rights()
    check_widen(role, [permission], actor)
    return _add(role, permission, "allow", actor)


@transaction.atomic
def deny(role: Role | str, permission: str, actor: Actor | Person) -> Grant:
    """Forbid a role what `permission` names, whatever its other roles allow.

    Raises like ``allow``, except that the actor need not hold the permission; and
    ``LastAdministrator``.
    """
    actor, role, permission = guard.as_actor(actor), role_named(role), normalise(permission)
    guard.lock_rights()
    guard.must_manage_rights(actor)
    grant = _add(role, permission, "deny", actor)
    guard.somebody_must_manage(actor)
    return grant


@transaction.atomic
def revoke(
    role: Role | str, permission: str, actor: Actor | Person, effect: str | None = None
) -> int:
    """Take grants back, both effects unless one is named; returns how many there were.

    Taking a denial back gives, and is checked like ``allow``.
    """
    actor, role = guard.as_actor(actor), role_named(role)
    guard.lock_rights()
    guard.must_manage_rights(actor)
    rows = role.grants.filter(permission=permission.strip())
    found = list(rows.filter(effect=effect) if effect else rows)
    check_widen(role, [grant.permission for grant in found if grant.effect == "deny"], actor)
    for grant in found:
        _record(f"role.revoke_{grant.effect}", role, actor, permission=grant.permission)
        grant.delete()
    guard.somebody_must_manage(actor)
    return len(found)


@transaction.atomic
def add_role_named(
    name: str, actor: Actor | Person, label_zh: str = "", label_en: str = ""
) -> Role:
    """Make a role without any right; raises ``NameTaken``, ``InvalidName``, ``Forbidden``."""
    actor = guard.as_actor(actor)
    guard.must_manage_rights(actor)
    name = clean_name(name, 50)
    try:
        with transaction.atomic():
            role = Role.objects.create(name=name, label_zh=label_zh, label_en=label_en)
    except IntegrityError:
        raise NameTaken(kind=ROLE, name=name) from None
    _record("role.added", role, actor)
    return role


@transaction.atomic
def relabel(role: Role, label_zh: str, label_en: str, actor: Actor | Person) -> None:
    """Change how a role is shown; raises ``Forbidden``."""
    actor = guard.as_actor(actor)
    guard.must_manage_rights(actor)
    changed = Role.objects.filter(pk=role.pk).exclude(label_zh=label_zh, label_en=label_en)
    if changed.update(label_zh=label_zh, label_en=label_en):
        _record("role.relabelled", role, actor, label_zh=label_zh, label_en=label_en)


@transaction.atomic
def delete_role(role: Role, actor: Actor | Person) -> None:
    """Remove a role from everybody; raises ``Shipped``, ``Forbidden``, ``LastAdministrator``.

    A role that denies something gives it back to those who had it, and is checked like ``allow``.
    """
    actor = guard.as_actor(actor)
    guard.lock_rights()
    guard.must_manage_rights(actor)
    if role.shipped:
        raise Shipped(name=role.name)
    grants = list(role.grants.values_list("effect", "permission"))
    check_widen(role, [permission for effect, permission in grants if effect == "deny"], actor)
    _record("role.deleted", role, actor, grants=grants)
    role.delete()
    guard.somebody_must_manage(actor)


def check_widen(role: Role, patterns: list[str], actor: Actor) -> None:
    """Raise ``Forbidden`` unless the actor may give these permissions to whoever has the role."""
    guard.must_manage_rights(actor)
    if not patterns:
        return
    guard.must_not_be(actor, role.people.values_list("pk", flat=True))
    guard.must_cover(actor, patterns)


def _add(role: Role, permission: str, effect: str, actor: Actor) -> Grant:
    grant, added = Grant.objects.get_or_create(role=role, permission=permission, effect=effect)
    if added:
        _record(f"role.{effect}", role, actor, permission=permission)
    return grant


def _record(action: str, role: Role, actor: Actor, **data: object) -> None:
    log.record(action, actor=actor, obj=("role", role.pk, role.name), outcome="ok", data=data)
