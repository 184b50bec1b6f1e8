"""People and the roles they have: each change is checked, made and audited in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import translation

from apps.accounts import guard
from apps.accounts.errors import InvalidEmail, InvalidPassword, NameTaken
from apps.accounts.models import Person, Role
from apps.accounts.names import PERSON, clean_name, role_named
from apps.accounts.permissions import covers
from apps.accounts.rights import rights
from apps.audit import log
from apps.audit.actor import Actor
from apps.core.i18n import Text

#: What `change` may change; roles, activity and password have functions of their own.
FIELDS = ("display_name", "email", "language", "department")


@transaction.atomic
def add_person(
    name: str, actor: Actor | Person, *, roles: Iterable[Role | str] = (), **fields: Any
) -> Person:
    """Make a person who signs in by link; `fields` are among ``FIELDS``.

    Raises ``InvalidName``, ``NameTaken``, ``UnknownName`` (a role), ``Forbidden``.
    """
    actor, name = guard.as_actor(actor), clean_name(name, 100)
    guard.must_manage_people(actor)
    if Person.objects.filter(name__iexact=name).exists():
        raise NameTaken(kind=PERSON, name=name)
    try:
        with transaction.atomic():
            person = Person.objects.create_person(name, **_known(fields))
    except IntegrityError:  # somebody was faster
        raise NameTaken(kind=PERSON, name=name) from None
    _record("person.added", person, actor)
    for role in roles:
        add_role(person, role, actor)
    return person


@transaction.atomic
def change(person: Person, actor: Actor | Person, **fields: Any) -> None:
    """Change what describes a person (``FIELDS``); raises ``Forbidden``."""
    actor = guard.as_actor(actor)
    guard.must_manage_people(actor)
    _change(person, actor, _known(fields))


@transaction.atomic
def set_language(person: Person, language: str, actor: Actor | Person) -> None:
    """Keep the language a person chose; others need the right to manage people."""
    actor = guard.as_actor(actor)
    if actor.person_id != person.pk:
        guard.must_manage_people(actor)
    if language not in dict(Person.LANGUAGES):
        raise ValueError(f"{language!r} is none of our languages")
    _change(person, actor, {"language": language})


@transaction.atomic
def set_password(person: Person, password: str, actor: Actor | Person) -> None:
    """Set the password by which a person signs in; all other sessions end.

    Raises ``InvalidPassword``, or ``Forbidden`` unless it is the actor's own, or the actor may
    manage people and holds whatever that person may do.
    """
    actor = guard.as_actor(actor)
    check_act_as(person, actor)
    problems = {language: _problems(password, person, language) for language in ("zh-hans", "en")}
    if problems["en"]:
        raise InvalidPassword(why=Text(problems["zh-hans"], problems["en"]))
    person.set_password(password)
    person.save(update_fields=["password"])
    _record("person.password_changed", person, actor)


@transaction.atomic
def add_role(person: Person, role: Role | str, actor: Actor | Person) -> None:
    """Give a role; nothing happens when the person has it. Raises ``Forbidden``, ``UnknownName``.

    Nobody gives a role that allows what they do not hold, or to themselves.
    """
    actor, role = guard.as_actor(actor), role_named(role)
    guard.lock_rights()
    check_add_role(person, role, actor)
    if not person.roles.filter(pk=role.pk).exists():
        person.roles.add(role)
        _record("person.role_added", person, actor, role=role.name)
    guard.somebody_must_manage(actor)  # a role may also deny


@transaction.atomic
def remove_role(person: Person, role: Role | str, actor: Actor | Person) -> None:
    """Take a role away; raises ``Forbidden``, ``UnknownName``, ``LastAdministrator``."""
    actor, role = guard.as_actor(actor), role_named(role)
    guard.lock_rights()
    check_remove_role(person, role, actor)
    if person.roles.filter(pk=role.pk).exists():
        person.roles.remove(role)
        _record("person.role_removed", person, actor, role=role.name)
    guard.somebody_must_manage(actor)


@transaction.atomic
def disable_person(person: Person, actor: Actor | Person) -> None:
    """Switch a leaver off: sessions, links, tokens and identities stop working at once.

    Raises ``Forbidden``, ``LastAdministrator``.
    """
    actor = guard.as_actor(actor)
    guard.lock_rights()
    guard.must_manage_people(actor)
    if rights([person])[person.pk].allows(guard.MANAGE_RIGHTS):
        guard.must_manage_rights(actor)
    if Person.objects.filter(pk=person.pk, is_active=True).update(is_active=False):
        person.signinlink_set.all().delete()
        _record("person.disabled", person, actor)
    person.is_active = False
    guard.somebody_must_manage(actor)


@transaction.atomic
def enable_person(person: Person, actor: Actor | Person) -> None:
    """Switch a person on again, with the roles from before; checked like giving them anew."""
    actor = guard.as_actor(actor)
    guard.lock_rights()
    guard.must_manage_people(actor)
    guard.must_not_be(actor, [person.pk])
    guard.must_cover_person(actor, person)
    if Person.objects.filter(pk=person.pk, is_active=False).update(is_active=True):
        _record("person.enabled", person, actor)
    person.is_active = True


def check_add_role(person: Person, role: Role, actor: Actor) -> None:
    """Raise ``Forbidden`` unless the actor may give the person this role."""
    guard.must_manage_people(actor)
    guard.must_not_be(actor, [person.pk] if person.pk else [])
    guard.must_cover(actor, _patterns(role, "allow"))


def check_remove_role(person: Person, role: Role, actor: Actor) -> None:
    """Raise ``Forbidden`` unless the actor may take it: what it denied is given back by that."""
    guard.must_manage_people(actor)
    if any(covers(pattern, guard.MANAGE_RIGHTS) for pattern in _patterns(role, "allow")):
        guard.must_manage_rights(actor)
    given = _patterns(role, "deny")
    guard.must_not_be(actor, [person.pk] if given else [])
    guard.must_cover(actor, given)


def check_act_as(person: Person, actor: Actor) -> None:
    """Raise ``Forbidden`` unless the actor is the person, or may all that the person may."""
    if actor.person_id == person.pk:
        return
    guard.must_manage_people(actor)
    guard.must_cover_person(actor, person)


def _patterns(role: Role, effect: str) -> list[str]:
    return list(role.grants.filter(effect=effect).values_list("permission", flat=True))


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    if unknown := set(fields) - set(FIELDS):
        raise TypeError(f"not to be set here: {', '.join(sorted(unknown))}")
    if email := fields.get("email"):
        try:
            validate_email(email)
        except ValidationError:
            raise InvalidEmail(email=email[:100]) from None
    return fields


def _change(person: Person, actor: Actor, fields: dict[str, Any]) -> None:
    old = Person.objects.get(pk=person.pk)
    changed = [name for name, value in fields.items() if getattr(old, name) != value]
    if not changed:
        return
    for name in changed:
        setattr(person, name, fields[name])
    person.save(update_fields=changed)
    before = {name: getattr(old, name) for name in changed}
    after = {name: fields[name] for name in changed}
    _record("person.changed", person, actor, before=before, after=after)


def _problems(password: str, person: Person, language: str) -> str:
    with translation.override(language):
        try:
            validate_password(password, person)
        except ValidationError as error:
            return " ".join(error.messages)
    return ""


def _record(action: str, person: Person, actor: Actor, **data: object) -> None:
    log.record(action, actor=actor, obj=("person", person.pk, str(person)), outcome="ok", data=data)
