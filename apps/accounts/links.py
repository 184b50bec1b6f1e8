"""One-time links that sign a person in; only a hash of the token is kept, for a day."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from apps.accounts import guard
from apps.accounts.errors import Inactive
from apps.accounts.models import Person, SignInLink
from apps.accounts.people import check_act_as
from apps.audit import log
from apps.audit.actor import Actor
from apps.core.clock import utcnow
from apps.core.crypto import hash_token, token

LIFETIME = timedelta(hours=24)


@transaction.atomic
def sign_in_link(person: Person, actor: Actor | Person | None = None) -> str:
    """Return the path of a link that signs the person in once, within 24 hours.

    Without an actor the installation itself makes it. Raises ``Forbidden`` unless the actor may
    all that the person may, and ``Inactive``.
    """
    actor = guard.as_actor(actor) if actor else Actor.system("accounts")
    check_act_as(person, actor)
    if not Person.objects.filter(pk=person.pk, is_active=True).exists():
        raise Inactive(name=str(person))
    secret = token()
    SignInLink.objects.create(
        person=person, token_hash=hash_token(secret), expires_at=utcnow() + LIFETIME
    )
    _record("person.link_made", person, actor)
    return f"/sign-in/{secret}/"


def link_owner(secret: str) -> Person | None:
    """Return whom a link would sign in, without using it up; None when it is of no use."""
    link = _valid(secret).first()
    return link.person if link else None


@transaction.atomic
def redeem_link(secret: str) -> Person | None:
    """Use a link up and return its person; None when it was used, is too old or never was."""
    link = _valid(secret).first()
    if link is None or not _valid(secret).filter(pk=link.pk).update(used_at=utcnow()):
        return None
    _record("person.link_used", link.person, Actor.person(link.person))
    return link.person


def _valid(secret: str) -> QuerySet[SignInLink]:
    rows = SignInLink.objects.filter(token_hash=hash_token(secret), used_at=None)
    return rows.filter(expires_at__gt=utcnow(), person__is_active=True).select_related("person")


def _record(action: str, person: Person, actor: Actor) -> None:
    log.record(action, actor=actor, obj=("person", person.pk, str(person)), outcome="ok")
