"""The hand inside of the fault cases: what tests/stack/inside.py can do, and what the judge reads.

Started by tests.faults.site; speaks to the database directly, not through a proxy.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connection

from tests.stack import inside

# inside.py made Django ready.
from apps.accounts import identity  # isort: skip
from apps.accounts.models import Person  # isort: skip
from apps.assistant.models import Job, Message  # isort: skip
from apps.audit.models import AuditRow  # isort: skip
from apps.core import leases, work  # isort: skip
from apps.im.models import Bot, Delivery  # isort: skip

RIGHTS = ("role.", "person.role_", "person.disabled", "person.enabled")
AUDIT = ("id", "producer", "seq", "actor", "action", "object_type", "object_id", "object_label")
AUDIT += ("data", "outcome", "actor_label")
LATE_S = 5  # the sweeper's tick, and a machine full of other work


def bind(bot: str, pairs: dict[str, str]) -> None:
    """Bind people to a bot, each under another id."""
    found = Bot.objects.get(slug=bot)
    for name, external in pairs.items():
        identity.bind(Person.objects.get(name=name), found, external, inside.ACTOR)


def last_audit() -> int:
    """The number of the newest audit row."""
    return AuditRow.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def rows(ids: list[str], since: int) -> dict[str, list[dict[str, Any]]]:
    """What the judge reads, for the messages with these ids of their platforms."""
    fields = ("pk", "state", "person_id", "conversation_id", "attempts", "reason", "last_error")
    found = Message.objects.filter(platform_message_id__in=ids)
    messages = [
        {"id": row.pop("platform_message_id"), **row}
        for row in found.values("platform_message_id", *fields)
    ]
    keys = [row["pk"] for row in messages]
    jobs = Job.objects.filter(message_id__in=keys).values(
        "pk", "number", "message_id", "person_id", "state", "skill", "attempts", "last_error"
    )
    deliveries = Delivery.objects.filter(message_id__in=keys).values(
        "pk", "key", "message_id", "role", "state", "attempts", "last_error"
    )
    return {
        "messages": messages,
        "jobs": [{**row, "message": row["message_id"], "person": row["person_id"]} for row in jobs],
        "deliveries": [
            {**row, "key": str(row["key"]), "message": row["message_id"]} for row in deliveries
        ],
        "audit": list(AuditRow.objects.filter(pk__gt=since).order_by("pk").values(*AUDIT)),
        "rights": rights(),
    }


def rights() -> list[dict[str, Any]]:
    """Every change of rights there ever was."""
    found = AuditRow.objects.order_by("pk").values(*AUDIT)
    return [row for row in found if row["action"].startswith(RIGHTS)]


def stuck() -> list[str]:
    """Rows whose lease has run out and that nobody took back."""
    late = {"lease_until__lt": leases.DbAfter(-LATE_S)}
    models: tuple[type[work.WorkItem], ...] = (Message, Job, Delivery)
    return [
        f"{model.__name__} {row.pk} is {row.state} since {row.lease_until}"
        for model in models
        for row in work.unfinished(model).filter(state=model.WORKING, **late)
    ]


def age(ids: list[str], seconds: float) -> int:
    """Make these messages older."""
    found = Message.objects.filter(platform_message_id__in=ids)
    for row in found:
        row.created_at -= timedelta(seconds=seconds)
        row.save(update_fields=["created_at"])
    return len(found)


def job_of(message: str) -> dict[str, Any] | None:
    """The job that a message asked for."""
    return (
        Job.objects.filter(message__platform_message_id=message)
        .values("number", "state", "attempts", "worker", "last_error")
        .first()
    )


def make_small() -> None:
    """SQLite: give back the journal's room, so that a full disk is felt at once."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def use_up() -> str:
    """PostgreSQL: go on to a new file of the journal, for which there may be no room."""
    if connection.vendor == "postgresql":
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_switch_wal()")
        except DatabaseError as error:  # it has noticed
            return str(error)
    return ""


MORE: tuple[Callable[..., Any], ...] = (
    bind,
    last_audit,
    rows,
    stuck,
    age,
    job_of,
    make_small,
    use_up,
)
inside.CALLS.update({call.__name__: call for call in MORE})

if __name__ == "__main__":
    inside.main()
