"""Tokens of the API: shown once, kept as a hash, worth what their person may do."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from apps.accounts import guard
from apps.accounts.errors import Inactive
from apps.accounts.models import ApiToken, Person
from apps.accounts.names import clean_name
from apps.accounts.people import check_act_as
from apps.audit import log
from apps.audit.actor import Actor
from apps.core.clock import utcnow
from apps.core.crypto import hash_token, token

#: By this a secret scanner can tell one of our tokens in somebody's repository.
PREFIX = "clawdbot_"
_USED_EVERY = timedelta(minutes=1)


@transaction.atomic
def create(
    person: Person, name: str, actor: Actor | Person, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Make a token; returns its row, and its text, which nobody can see again.

    Raises ``Forbidden`` unless it is the actor's own or the actor may all that the person may,
    ``InvalidName``, ``Inactive``.
    """
    actor = guard.as_actor(actor)
    check_act_as(person, actor)
    if not Person.objects.filter(pk=person.pk, is_active=True).exists():
        raise Inactive(name=str(person))
    secret = PREFIX + token()
    row = ApiToken.objects.create(
        person=person,
        name=clean_name(name, 100),
        token_hash=hash_token(secret),
        last4=secret[-4:],
        expires_at=expires_at,
    )
    _record("token.created", row, actor)
    return row, secret


def find(secret: str) -> Person | None:
    """Return the active person of a token that has not expired."""
    if not secret.startswith(PREFIX):
        return None
    now = utcnow()
    rows = ApiToken.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now),
        token_hash=hash_token(secret),
        person__is_active=True,
    )
    row = rows.select_related("person").first()
    if row is None:
        return None
    # Once a minute is enough to see which tokens are still in use.
    if row.used_at is None or now - row.used_at > _USED_EVERY:
        ApiToken.objects.filter(pk=row.pk).update(used_at=now)
    return row.person


@transaction.atomic
def revoke(row: ApiToken, actor: Actor | Person) -> None:
    """Make a token worthless; raises ``Forbidden`` unless it is the actor's own."""
    actor = guard.as_actor(actor)
    if actor.person_id != row.person_id:
        guard.must_manage_people(actor)
    _record("token.revoked", row, actor)
    row.delete()


def _record(action: str, row: ApiToken, actor: Actor) -> None:
    log.record(
        action,
        actor=actor,
        obj=("token", row.pk, row.name),
        outcome="ok",
        data={"person": row.person_id, "last4": row.last4},
    )
