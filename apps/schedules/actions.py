"""What may be done to a schedule: each is one function that checks, changes and audits."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import transaction

from apps.accounts.models import Person
from apps.assistant.models import Conversation
from apps.audit import log
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.core.ids import short_id
from apps.schedules import errors, firing, times, timetable
from apps.schedules.models import Firing, Schedule

#: Whoever holds this may pause, resume, run and remove everybody's.
MANAGE = "schedule.manage"
MOST = 20
LONGEST_COMMAND = 2000
WORDS_CHARS = 200


def add(
    owner: Person,
    conversation: Conversation,
    command: str,
    cron: str,
    *,
    actor: Actor,
    words: str = "",
    time_zone: str = "",
    missed: str = "once",
    now: datetime | None = None,
    once_key: str | None = None,
) -> Schedule:
    """Ask `command` for `owner` in this conversation at the times of a five-field crontab.

    Whether the owner may run the command is asked at each firing. Under a `once_key` that was used
    before, it returns what was made then. Raises NoCommand, NoSuchTime and
    TooMany (20 for each person; the installation itself may add more).
    """
    command = command.strip()
    if not command or len(command) > LONGEST_COMMAND:
        raise errors.NoCommand(limit=LONGEST_COMMAND)
    zone = time_zone or settings.CLAWDBOT_TIME_ZONE
    schedule = Schedule(
        number=short_id(),
        owner=owner,
        conversation=conversation,
        command=command,
        words=words[:WORDS_CHARS],
        cron=" ".join(cron.split()),
        time_zone=zone,
        missed=missed,
        next_due=_next(cron, zone, now or utcnow()),
        once_key=once_key,
    )
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=owner.pk)  # two adds at once count each other
        before = Schedule.objects.filter(once_key=once_key).first() if once_key else None
        if before is not None:
            return before
        if not actor.is_system and Schedule.objects.filter(owner=owner).count() >= MOST:
            raise errors.TooMany(limit=MOST)
        schedule.save()
        timetable.write(schedule)
        _audit("schedule.added", schedule, actor)
    return schedule


def pause(schedule: Schedule, actor: Actor) -> None:
    """Fire no more until resumed; pausing twice changes nothing."""
    with transaction.atomic():
        schedule = _locked(schedule)
        if schedule.enabled:
            schedule.enabled, schedule.next_due = False, None
            _save(schedule)
            _audit("schedule.paused", schedule, actor)


def resume(schedule: Schedule, actor: Actor, now: datetime | None = None) -> None:
    """Fire again from the next due time on; what passed meanwhile was not missed."""
    with transaction.atomic():
        schedule = _locked(schedule)
        if not schedule.enabled:
            schedule.enabled = True
            schedule.next_due = _next(schedule.cron, schedule.time_zone, now or utcnow())
            _save(schedule)
            _audit("schedule.resumed", schedule, actor)


def remove(schedule: Schedule, actor: Actor) -> None:
    """Delete it with its firings; the audit keeps what it was."""
    with transaction.atomic():
        schedule = _locked(schedule)
        _audit("schedule.removed", schedule, actor)
        task = schedule.periodic_task
        schedule.delete()
        if task is not None:
            task.delete()


def run_now(schedule: Schedule, actor: Actor, now: datetime | None = None) -> Firing:
    """Ask its command at once, whether it is paused or not; its times stay as they are."""
    with transaction.atomic():
        schedule = _locked(schedule)
        found = firing.fire(schedule, now or utcnow(), state="manual")
        _audit("schedule.run", schedule, actor)
        transaction.on_commit(partial(firing.wake_for, [schedule]), robust=True)
    return found


def _next(cron: str, time_zone: str, now: datetime) -> datetime:
    try:
        found = times.next_after(cron, time_zone, now)
    except ValueError as error:
        raise errors.NoSuchTime(str(error), cron=cron) from error
    if found is None:
        raise errors.NoSuchTime(cron=cron)
    return found


def _locked(schedule: Schedule) -> Schedule:
    """The row as it is now, ours until the transaction ends. Raises NoSchedule when it is gone."""
    rows = Schedule.objects.select_for_update(of=("self",)).select_related(
        "periodic_task", "owner", "conversation__bot"
    )
    found = rows.filter(pk=schedule.pk).first()
    if found is None:
        raise errors.NoSchedule(number=schedule.number)
    return found


def _save(schedule: Schedule) -> None:
    # First the schedule: what the timetable says then is no news to it.
    schedule.save(update_fields=["enabled", "next_due"])
    timetable.write(schedule)


def _audit(action: str, schedule: Schedule, actor: Actor) -> None:
    data = {"owner": schedule.owner_id, "cron": schedule.cron, "time_zone": schedule.time_zone}
    obj = ("schedule", schedule.number, schedule.words or schedule.cron)
    log.record(action, actor=actor, obj=obj, data=data)
