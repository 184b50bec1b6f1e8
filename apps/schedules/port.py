"""The schedules port of skills: one person's schedules, in the conversation where they ask."""

from __future__ import annotations

import itertools

from apps.assistant.actions import later_conversation
from apps.assistant.ports import Asker
from apps.assistant.words import language_of
from apps.audit.log import Actor
from apps.core.i18n import both
from apps.schedules import actions, preview
from apps.schedules.errors import NoSchedule
from apps.schedules.models import Schedule
from apps.skills.ports import Outcome, ScheduleInfo
from apps.skills.times import Every

SHOWN_RUNS = 3
PAUSED = both("已暂停 {number}。", "Paused {number}.")
RESUMED = both("已恢复 {number}，下次 {next}。", "Resumed {number}; it runs next at {next}.")
RUN = both("已运行 {number}，结果稍后送到。", "{number} is asked now; its answer comes soon.")
REMOVED = both("已删除 {number}。", "Removed {number}.")


def info(schedule: Schedule, language: str) -> ScheduleInfo:
    """A schedule as its owner sees it."""
    return ScheduleInfo(
        number=schedule.number,
        words=preview.in_words(schedule).in_(language),
        cron=schedule.cron,
        time_zone=schedule.time_zone,
        command=schedule.command,
        enabled=schedule.enabled,
        next_times=preview.next_runs(schedule, SHOWN_RUNS),
    )


class Schedules:
    """What the asker may do; others' schedules are found only with `schedule.manage`."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._actor = Actor.person(asker.person)
        self._language = language_of(asker.person)
        self._made = itertools.count()

    def add(self, command: str, every: Every, words: str) -> ScheduleInfo:
        """Store a schedule; what was asked at the command line answers in the web chat."""
        asker = self._asker
        key = f"{asker.once_key}/{next(self._made)}" if asker.once_key else None
        schedule = actions.add(
            asker.person,
            later_conversation(asker.conversation, asker.person),
            command,
            every.cron,
            words=words or every.words,
            actor=self._actor,
            now=asker.now,
            once_key=key,
        )
        return info(schedule, self._language)

    def mine(self) -> list[ScheduleInfo]:
        """Own schedules, oldest first."""
        rows = Schedule.objects.filter(owner=self._asker.person).order_by("pk")
        return [info(schedule, self._language) for schedule in rows]

    def pause(self, number: str) -> Outcome:
        """Stop firing until resumed."""
        schedule = self._find(number)
        actions.pause(schedule, self._actor)
        return Outcome(True, PAUSED.format(number=schedule.number))

    def resume(self, number: str) -> Outcome:
        """Fire again."""
        schedule = self._find(number)
        actions.resume(schedule, self._actor, self._asker.now)
        schedule.refresh_from_db()
        runs = preview.next_runs(schedule, 1, self._asker.now)
        shown = f"{runs[0]:%Y-%m-%d %H:%M}" if runs else "—"
        return Outcome(True, RESUMED.format(number=schedule.number, next=shown))

    def remove(self, number: str) -> Outcome:
        """Delete it."""
        schedule = self._find(number)
        actions.remove(schedule, self._actor)
        return Outcome(True, REMOVED.format(number=schedule.number))

    def run(self, number: str) -> Outcome:
        """Ask its command at once; its times stay as they are."""
        schedule = self._find(number)
        actions.run_now(schedule, self._actor)
        return Outcome(True, RUN.format(number=schedule.number))

    def _find(self, number: str) -> Schedule:
        """Raises NoSchedule, the same for what is not there and what is somebody else's."""
        rows = Schedule.objects.filter(number=number.strip().upper())
        if not self._asker.rights.allows(actions.MANAGE):
            rows = rows.filter(owner=self._asker.person)
        found = rows.first()
        if found is None:
            raise NoSchedule(number=number.strip()[:20])
        return found
