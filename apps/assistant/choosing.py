"""Which jobs are handed out next: fair by turn, and never more of one person than their cap.

What it costs does not grow with what waits. It looks at a window of jobs in turn order, of each
lane those that were asked for now and those whose time has come (a reminder waits in another index
until then). Where the window is full of jobs of people at their cap, it looks at the others one by
one: at the first jobs of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import F, Q, QuerySet

from apps.assistant.models import Job
from apps.core import work
from apps.core.sql import Among, Prepared, Row, Slot, Statement, here

RUNNING_CAP = 4  # jobs of one person at a time
WINDOW = 200
MOST_PEOPLE = 1000  # looked at one by one

ON_ITS_WAY = Q(queued_until__gt=work.DbNow())


def ready(now: datetime | Slot) -> QuerySet[Job]:
    """Jobs that may be handed out: due, and not on their way to a worker already."""
    free = Q(queued_until__isnull=True) | Q(queued_until__lte=work.DbNow())
    return work.claimable(Job, now).filter(work.StateIn("waiting"), free)


asked_now = Prepared(
    lambda: (
        ready(Slot("now"))
        .filter(lane=Slot("lane"), not_before__lte=F("created_at"))
        .values_list("turn", "pk", "person_id")
    ),
    window=True,
)
come_due = Prepared(
    lambda: (
        ready(Slot("now"))
        .filter(lane=Slot("lane"), not_before__gt=F("created_at"))
        .order_by("not_before", "pk")
        .values_list("turn", "pk", "person_id")
    ),
    window=True,
)
of_person = Prepared(
    lambda: (
        ready(Slot("now"))
        .filter(Among("lane", "lanes"), person_id=Slot("person"))
        .values_list("turn", "pk", "person_id")
    ),
    window=True,
)
running = Prepared(
    lambda: Job.objects.filter(work.StateIn("running")).values_list("lane", "person_id")
)
on_their_way = Prepared(
    lambda: Job.objects.filter(work.StateIn("waiting"), ON_ITS_WAY).values_list("lane", "person_id")
)
chosen_ones = Prepared(lambda: Job.objects.filter(Among("pk", "keys")))
#: People with waiting jobs and their first turn, by a look into an index for each of them. Ordered
#: as only that index is: PostgreSQL may else look for them among all the jobs that ended.
PEOPLE = Statement(
    "WITH RECURSIVE who(person) AS (SELECT CAST(0 AS bigint) UNION ALL SELECT ("
    "SELECT person_id FROM assistant_job WHERE state = 'waiting' AND person_id > who.person "
    "ORDER BY person_id, turn LIMIT 1) FROM who WHERE who.person IS NOT NULL) "
    "SELECT (SELECT MIN(turn) FROM assistant_job WHERE state = 'waiting' "
    "AND person_id = who.person), person FROM who WHERE person > 0 LIMIT %s"
)


def waits(lane: str, now: datetime) -> bool:
    """Is there anything to hand out in this lane? Reads only."""
    return any(window.rows(1, 0, lane=lane, now=now) for window in (asked_now, come_due))


class Choice:
    """The jobs that are handed out at once, to all workers together."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.keys: list[int] = []
        self._busy: Counter[str] = Counter()
        self._of: Counter[int] = Counter()  # jobs under way, by person
        for lane, person in [*running.rows(), *on_their_way.rows()]:
            self._busy[lane] += 1
            self._of[person] += 1

    def room(self, workers: Mapping[tuple[str, ...], int]) -> bool:
        """Could any of these workers (slots by lanes) start a job now?"""
        return any(self._free(lanes, slots) > 0 for lanes, slots in workers.items())

    def _free(self, lanes: Sequence[str], slots: int) -> int:
        return slots - sum(self._busy[lane] for lane in lanes)

    def add(self, lanes: Sequence[str], slots: int) -> None:
        """Choose for workers that serve these lanes with so many slots."""
        free = self._free(lanes, slots)
        if free <= 0:
            return
        size = WINDOW + free
        windows = [
            window.rows(size, 0, lane=lane, now=self._now)
            for lane in lanes
            for window in (asked_now, come_due)
        ]
        free -= self._take((row for window in windows for row in window), free)
        if free and any(len(window) == size for window in windows):
            self._take(self._of_people_with_room(lanes, free), free)

    def jobs(self) -> list[Job]:
        """The chosen ones, the most urgent first in each `add`."""
        found = {job.pk: job for job in chosen_ones.instances(keys=self.keys)} if self.keys else {}
        return [found[key] for key in self.keys]

    def _take(self, rows: Iterable[Row], free: int) -> int:
        """Choose up to `free` of them in turn order; returns how many."""
        before = len(self.keys)
        for _, key, person in sorted(rows):
            if len(self.keys) - before == free:
                break
            if self._of[person] < RUNNING_CAP and key not in self.keys:
                self._of[person] += 1
                self.keys.append(key)
        return len(self.keys) - before

    def _of_people_with_room(self, lanes: Sequence[str], free: int) -> list[Row]:
        """First jobs of those who are not at their cap, of `free` people at most."""
        people = sorted(PEOPLE.rows(here(), [MOST_PEOPLE]))
        found: list[Row] = []
        for _, person in people:
            if self._of[person] >= RUNNING_CAP:
                continue
            rows = of_person.rows(2 * RUNNING_CAP, 0, person=person, lanes=lanes, now=self._now)
            found += rows
            free -= bool(rows)
            if not free:
                break
        return found
