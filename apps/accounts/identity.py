"""Who is behind an IM account: bindings, and the ways to one (pairing codes, sign-in links)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db import IntegrityError, models, transaction

from apps.accounts import guard
from apps.accounts.errors import AlreadyBound, Inactive, PairingError, TooManyTries
from apps.accounts.links import link_owner, redeem_link, sign_in_link
from apps.accounts.models import Binding, Person
from apps.accounts.pairing import pairing_code, take_code
from apps.accounts.people import check_act_as
from apps.audit import log
from apps.audit.actor import Actor
from apps.core.sql import Among, Prepared

__all__ = [
    "AlreadyBound",
    "Inactive",
    "PairingError",
    "TooManyTries",
    "bind",
    "by_key",
    "ensure_binding",
    "link_owner",
    "pairing_code",
    "redeem",
    "redeem_link",
    "resolve",
    "sign_in_link",
    "unbind",
]

#: Key of the bot, and the sender's id on its platform.
Key = tuple[int, str]


bindings = Prepared(
    lambda: Binding.objects.filter(
        Among("bot_id", "bots"), Among("external_id", "externals"), person__is_active=True
    ).values_list("bot_id", "external_id", "person_id")
)
people = Prepared(lambda: Person.objects.filter(Among("pk", "keys")))


def resolve(keys: Iterable[Key]) -> dict[Key, Person]:
    """Return the active person behind each identity that has one, in two queries."""
    wanted = set(keys)
    if not wanted:
        return {}
    rows = bindings.rows(
        bots={bot for bot, _ in wanted}, externals={external for _, external in wanted}
    )
    bound = {(bot, external): person for bot, external, person in rows}
    found = by_key(set(bound.values()))
    return {key: found[bound[key]] for key in wanted if bound.get(key) in found}


def by_key(keys: Collection[int]) -> dict[int, Person]:
    """Return the people with these keys."""
    return {person.pk: person for person in people.instances(keys=keys)} if keys else {}


@transaction.atomic
def bind(person: Person, bot: models.Model, external_id: str, actor: Actor | Person) -> Binding:
    """Say that an identity is a person's; nothing happens when it is so already.

    Whoever binds one can act as that person: raises ``Forbidden`` unless the actor may all that
    the person may, ``AlreadyBound`` when it is somebody else's, ``Inactive``.
    """
    actor = guard.as_actor(actor)
    if not actor.is_system:
        guard.must_manage_people(actor)
        guard.must_cover_person(actor, person)
    return _bind(person, bot.pk, external_id, actor)


@transaction.atomic
def unbind(binding: Binding, actor: Actor | Person) -> None:
    """Take an identity from its person; raises ``Forbidden`` unless it is the actor's own."""
    actor = guard.as_actor(actor)
    if actor.person_id != binding.person_id:
        guard.must_manage_people(actor)
    _record("person.unbound", binding, actor)
    binding.delete()


def ensure_binding(person: Person, bot: models.Model, external_id: str) -> Binding:
    """Return the binding of a person on a built-in bot, made when it is missing.

    Raises ``AlreadyBound`` when the identity is somebody else's, ``Inactive``.
    """
    found = Binding.objects.filter(bot=bot.pk, external_id=external_id).first()
    if found is not None and found.person_id == person.pk:
        return found
    with transaction.atomic():
        return _bind(person, bot.pk, external_id, Actor.system("accounts"))


def redeem(code: str, person: Person, actor: Actor | Person) -> Binding:
    """Give the identity that was shown `code` to the person, and use the code up.

    By the person, or by somebody who may bind. A wrong code is counted even though this raises,
    so never call it inside a transaction. Raises ``PairingError``, ``TooManyTries`` (ten wrong
    codes in an hour), ``AlreadyBound``, ``Inactive``, ``Forbidden``.
    """
    actor = guard.as_actor(actor)
    check_act_as(person, actor)
    with take_code(code, actor) as row:
        return _bind(person, row.bot_id, row.external_id, actor)


def _bind(person: Person, bot_id: int, external_id: str, actor: Actor) -> Binding:
    if not Person.objects.filter(pk=person.pk, is_active=True).exists():
        raise Inactive(name=str(person))
    try:
        with transaction.atomic():
            binding, made = Binding.objects.select_related("person").get_or_create(
                bot_id=bot_id, external_id=external_id, defaults={"person": person}
            )
    except IntegrityError:  # the bot was removed meanwhile
        raise PairingError from None
    if binding.person_id != person.pk:
        raise AlreadyBound(name=str(binding.person))
    if made:
        _record("person.bound", binding, actor)
    return binding


def _record(action: str, binding: Binding, actor: Actor) -> None:
    person = binding.person
    log.record(
        action,
        actor=actor,
        obj=("person", person.pk, str(person)),
        outcome="ok",
        data={"bot": str(binding.bot), "external_id": binding.external_id},
    )
