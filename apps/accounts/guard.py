"""Who may change people and rights: nobody gives what they do not hold, or to themselves.

Every check reads the database inside the transaction of the change. The installation itself
(commands, its own parts) may everything; a stranger nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.accounts.errors import Forbidden, LastAdministrator
from apps.accounts.models import Person, Role
from apps.accounts.rights import Decision, Rights, holding, rights_of
from apps.accounts.words import refusal
from apps.audit.actor import Actor
from apps.core.i18n import Text, both

MANAGE_RIGHTS = "console.permissions"
MANAGE_PEOPLE = "console.accounts"

_SELF = both(
    "不能更改自己的权限,请让另一位管理员来做。",
    "Nobody changes their own rights; ask another administrator.",
)
_MORE = both(
    "你自己没有权限 {permission},不能给别人。",
    "You do not hold {permission} yourself and cannot give it.",
)
_STRANGER = both("请先登录。", "Sign in first.")


def as_actor(who: Actor | Person) -> Actor:
    """Return the actor; a person acts for himself."""
    return Actor.person(who) if isinstance(who, Person) else who


def rights_of_actor(actor: Actor) -> Rights:
    """Return what a person among the actors may do now; raises ``Forbidden`` for a stranger."""
    if actor.person_id is None:
        raise _forbidden(_STRANGER)
    return rights_of([actor.person_id])[actor.person_id]


def must_hold(actor: Actor, *permissions: str) -> None:
    """Raise ``Forbidden`` unless the actor holds one of the permissions."""
    if actor.is_system:
        return
    held = rights_of_actor(actor)
    decisions = [held.decide(permission) for permission in permissions]
    if not any(decision.allowed for decision in decisions):
        raise refused(decisions[0])


def must_manage_rights(actor: Actor) -> None:
    """Raise ``Forbidden`` unless the actor may change roles and grants."""
    must_hold(actor, MANAGE_RIGHTS)


def must_manage_people(actor: Actor) -> None:
    """Raise ``Forbidden`` unless the actor may add, change and switch off people."""
    must_hold(actor, MANAGE_PEOPLE, MANAGE_RIGHTS)


def must_not_be(actor: Actor, people: Iterable[int]) -> None:
    """Raise ``Forbidden`` when the actor is among the people whose rights would grow."""
    if not actor.is_system and actor.person_id in set(people):
        raise _forbidden(_SELF)


def must_cover(actor: Actor, patterns: Iterable[str]) -> None:
    """Raise ``Forbidden`` unless the actor holds all that would be given."""
    if actor.is_system:
        return
    held = rights_of_actor(actor)
    for pattern in patterns:
        if not held.allows(pattern):
            raise _forbidden(_MORE.format(permission=pattern))


def must_cover_person(actor: Actor, person: Person) -> None:
    """Raise ``Forbidden`` unless the actor holds all that the person's roles allow.

    For whatever lets the actor act as that person: a sign-in link, a password, a binding.
    """
    allowed = person.roles.filter(grants__effect="allow")
    must_cover(actor, list(allowed.values_list("grants__permission", flat=True)))


def lock_rights() -> None:
    """Let changes of rights happen one after the other, so that each sees the last one's result."""
    list(Role.objects.select_for_update().order_by("pk").values_list("pk"))


def somebody_must_manage(actor: Actor) -> None:
    """Raise ``LastAdministrator`` when, after a person's change, nobody could give rights."""
    if not actor.is_system and not holding(MANAGE_RIGHTS):
        raise LastAdministrator


def refused(decision: Decision) -> Forbidden:
    """Return the error that says which permission is missing and who can give it."""
    why = Text(refusal(decision, "zh-hans"), refusal(decision, "en"))
    return Forbidden(decision.permission, why=why)


def _forbidden(why: Text) -> Forbidden:
    return Forbidden(why=why)
