"""Looks at a running installation, and prepares it, with its own code: one long-lived process.

`python -m tests.stack.inside` reads one call a line as JSON (`{"name", "arguments"}`) and answers
each with one line. What a command of manage.py can do, the tests do with that.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402

from apps.accounts import authz, identity, people, tokens  # noqa: E402
from apps.accounts.models import Person, Role  # noqa: E402
from apps.assistant.models import Job, Message  # noqa: E402
from apps.audit.log import Actor  # noqa: E402
from apps.core.clock import utcnow  # noqa: E402
from apps.im.models import Bot, Delivery  # noqa: E402
from apps.llm import actions  # noqa: E402
from apps.schedules.models import Firing, Schedule  # noqa: E402
from apps.simulate import model as stand  # noqa: E402

ACTOR = Actor.system("test")
OPEN = {
    "message": (Message, ("waiting",)),
    "job": (Job, ("waiting", "running")),
    "delivery": (Delivery, ("pending", "sending", "unknown")),
}


def add_people(bot: str, names: list[str], roles: list[str]) -> None:
    """People with roles, each bound to the bot under their own name."""
    found = Bot.objects.get(slug=bot)
    for name in names:
        person = people.add_person(name, actor=ACTOR, roles=roles)
        identity.bind(person, found, name, ACTOR)


def bind_people(bot: str, identities: dict[str, str], roles: list[str]) -> None:
    """People with roles by their names, each bound to the bot under an external id."""
    found = Bot.objects.get(slug=bot)
    for name, external in identities.items():
        person = people.add_person(name, actor=ACTOR, roles=roles)
        identity.bind(person, found, external, ACTOR)


def token(person: str) -> str:
    """A new token of a person for programs."""
    return tokens.create(Person.objects.get(name=person), "stack", ACTOR)[1]


def allow(role: str, permissions: list[str]) -> None:
    """Let a role do more."""
    for permission in permissions:
        authz.allow(role, permission, ACTOR)


def add_role(person: str, role: str) -> None:
    """Give a role."""
    people.add_role(Person.objects.get(name=person), role, ACTOR)


def remove_role(person: str, role: str) -> None:
    """Take a role away."""
    people.remove_role(Person.objects.get(name=person), Role.objects.get(name=role), ACTOR)


def unfinished() -> dict[str, int]:
    """How many rows of each kind are not at their end; kinds without any are left out."""
    soon = utcnow() + timedelta(minutes=5)  # what is due later rests
    counts = {
        kind: model.objects.filter(state__in=states, not_before__lt=soon).count()
        for kind, (model, states) in OPEN.items()
    }
    return {kind: count for kind, count in counts.items() if count}


def unsent(bot: str) -> dict[str, int]:
    """How many deliveries of a bot are in which state, other than sent."""
    rows = Delivery.objects.filter(bot__slug=bot).exclude(state="sent")
    return dict(Counter(rows.values_list("state", flat=True)))


def details() -> list[str]:
    """The unfinished rows, for the report of a failed test."""
    lines = []
    for kind, (model, states) in OPEN.items():
        fields = ["pk", "state", "attempts", "lease_until", "not_before", "last_error"]
        fields += {"job": ["queued_until", "skill"], "delivery": ["role"]}.get(kind, ["text"])
        rows = model.objects.filter(state__in=states).order_by("pk").values(*fields)[:10]
        lines += [f"{kind} {json.dumps(row, default=str)}" for row in rows]
    return [f"now {utcnow()}", *lines]


def states() -> dict[str, dict[str, int]]:
    """How many rows stand in which state."""
    return {
        kind: dict(Counter(model.objects.values_list("state", flat=True)))
        for kind, (model, _) in OPEN.items()
    }


def jobs(skill: str) -> list[dict[str, Any]]:
    """The jobs of a skill, oldest first."""
    fields = ("number", "state", "attempts", "last_error", "worker")
    return list(Job.objects.filter(skill=skill).order_by("pk").values(*fields))


def steps(skill: str) -> list[dict[str, Any]]:
    """The steps of the newest job of a skill, in their order."""
    newest = Job.objects.filter(skill=skill).latest("pk")
    return list(newest.steps.values("number", "state", "attempts"))


def add_model(base_url: str, role: str) -> None:
    """The stand-in of a model server as the default model, for everybody with this role."""
    actions.add("stand", base_url=base_url, model=stand.MODEL, api_key=stand.KEY, actor=ACTOR)
    authz.allow(role, "model.use.stand", ACTOR)


def queued(skill: str) -> int:
    """How many waiting jobs of a skill were handed to the workers."""
    rows = Job.objects.filter(skill=skill, state="waiting", queued_until__isnull=False)
    return rows.count()


def make_due(skill: str, ago_s: float) -> int:
    """Move the clock for the waiting jobs of a skill: they were due some seconds ago."""
    due = utcnow() - timedelta(seconds=ago_s)
    return Job.objects.filter(skill=skill, state="waiting").update(not_before=due)


def schedule_due(ago_s: float) -> str:
    """Move the clock for the newest schedule: it was due some seconds ago; returns when."""
    found = Schedule.objects.latest("pk")
    due = utcnow() - timedelta(seconds=ago_s)
    Schedule.objects.filter(pk=found.pk).update(next_due=due)
    return due.isoformat()


def firings() -> list[str]:
    """The states of all firings of the newest schedule."""
    found = Schedule.objects.latest("pk")
    return list(Firing.objects.filter(schedule=found).values_list("state", flat=True))


CALLS: dict[str, Callable[..., Any]] = {
    call.__name__: call
    for call in (
        add_people, bind_people, token, allow, add_role, remove_role, unfinished, unsent, details,
        states, jobs, steps, add_model, queued, make_due, schedule_due, firings,
    )
}  # fmt: skip


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        connection.close()  # a test may have cut everybody off
        try:
            answer = {"value": CALLS[asked["name"]](**asked["arguments"])}
        except Exception as error:  # noqa: BLE001 - the test that asked raises it again
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer, default=_plain) + "\n")
        sys.stdout.flush()


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


if __name__ == "__main__":
    main()
