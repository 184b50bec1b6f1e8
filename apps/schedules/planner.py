"""Fire what is due: reads only due rows through their index, whatever the number of schedules.

Two planners at once fire each due time once: who moves `next_due` on wins, and a firing is unique.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import InterfaceError, OperationalError, transaction

from apps.core.clock import utcnow
from apps.schedules import firing, times
from apps.schedules.models import Schedule
from apps.schedules.policy import verdicts

log = structlog.get_logger(__name__)

BATCH = 200
#: After a long absence the latest so many due times of one schedule are looked at.
MOST_RECORDED = 200
SORE_S = 60
DAY_S = 86400


class Planner:
    """Fires due schedules; `clock` says what time it is."""

    def __init__(self, clock: Callable[[], datetime] = utcnow) -> None:
        self.clock = clock
        self._sore: dict[int, datetime] = {}

    def fire_due(self) -> int:
        """Fire everything that is due, up to a batch of schedules; return how many were looked at.

        A schedule that fails waits a minute and never stops the others. Raises OperationalError
        and InterfaceError when the database is away.
        """
        now = self.clock()
        self._sore = {pk: until for pk, until in self._sore.items() if until > now}
        rows = (
            Schedule.objects.filter(enabled=True, next_due__lte=now)
            .exclude(pk__in=self._sore)
            .select_related("owner", "conversation__bot")
            .order_by("next_due")[:BATCH]
        )
        found = list(rows)
        fired = [schedule for schedule in found if self._try(schedule, now)]
        firing.wake_for(fired)
        return len(found)

    def next_due(self) -> datetime | None:
        """The soonest due time of all schedules."""
        due = Schedule.objects.filter(enabled=True, next_due__isnull=False)
        return (
            due.exclude(pk__in=self._sore)
            .order_by("next_due")
            .values_list("next_due", flat=True)
            .first()
        )

    def _try(self, schedule: Schedule, now: datetime) -> bool:
        try:
            return self._fire(schedule, now)
        except (OperationalError, InterfaceError):
            raise  # the database is away: nothing can be said about any schedule
        except Exception:  # a boundary: one broken schedule must not stop everybody else's
            self._sore[schedule.pk] = now + timedelta(seconds=SORE_S)
            log.exception("schedule.failed", schedule=schedule.number)
            return False

    def _fire(self, schedule: Schedule, now: datetime) -> bool:
        """Fire or record its due times; False when there was nothing for us to do."""
        first = schedule.next_due
        if first is None:
            return False
        following = times.next_after(schedule.cron, schedule.time_zone, now)
        with transaction.atomic():
            mine = Schedule.objects.filter(pk=schedule.pk, enabled=True, next_due=first)
            if not mine.update(next_due=following):
                return False  # another scheduler took it, or it was paused or changed
            dues = _dues(schedule, first, now)
            for due, runs in verdicts(dues, now, schedule.missed, schedule.window_s):
                if runs:
                    firing.fire(schedule, due)
                else:
                    firing.miss(schedule, due)
        return True


def _dues(schedule: Schedule, first: datetime, now: datetime) -> list[datetime]:
    """The due times since `first`; after a long absence `first` and the latest of them."""
    since = max(first, now - timedelta(seconds=max(schedule.window_s, DAY_S)))
    found = times.due_times(schedule.cron, schedule.time_zone, since, now)
    latest = list(deque(found, maxlen=MOST_RECORDED))
    return latest if first in latest else [first, *latest]
