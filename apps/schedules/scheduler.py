"""Beat: several may run, one leads by a lease in the database, and only it fires what is due."""

from __future__ import annotations

import gc
import secrets
import socket
import time
from typing import Any

import structlog
from celery.beat import Scheduler
from django.db import Error, connection

from apps.core import leases
from apps.core.signs import looked
from apps.schedules.planner import Planner
from apps.schedules.sync import compare, resync

log = structlog.get_logger(__name__)

LEASE = "beat"
LEASE_S = 15.0
RENEW_S = 5.0
FOLLOW_S = 2.0  # between two looks of one that does not lead
TICK_S = 1.0
SHORTEST_S = 0.05
COMPARE_S = 3600.0  # and by whoever starts


class Leadership:
    """The lease of one scheduler: taken when free, renewed every 5 s, given back at the end."""

    def __init__(self) -> None:
        self.holder = f"{socket.gethostname()}:{secrets.token_hex(4)}"
        self.epoch: int | None = None
        self._renewed = 0.0

    def lead(self) -> bool:
        """Do we lead now? Raises the database's errors."""
        if self.epoch is not None and time.monotonic() - self._renewed < RENEW_S:
            return True
        asked = time.monotonic()
        if self.epoch is not None and leases.renew(LEASE, self.holder, self.epoch, LEASE_S):
            self._renewed = asked
            return True
        former, self.epoch = self.epoch, leases.acquire(LEASE, self.holder, LEASE_S)
        self._renewed = asked
        if self.epoch is not None:
            log.info("beat.leads", epoch=self.epoch)
        elif former is not None:
            log.warning("beat.lost_the_lead", epoch=former)
        return self.epoch is not None

    def give_back(self) -> None:
        """Let another lead at once."""
        if self.epoch is not None:
            leases.release(LEASE, self.holder, self.epoch)
            self.epoch = None

    def forget(self) -> None:
        """The database is away: lead nothing until it says so again."""
        self.epoch = None


class Beat:
    """One scheduler's work, tick by tick, apart from Celery."""

    def __init__(self, planner: Planner | None = None) -> None:
        self.planner = planner or Planner()
        self.leadership = Leadership()
        self.name = f"beat@{socket.gethostname()}"
        self._alive_at = -RENEW_S
        self._compared_at = -COMPARE_S

    def tick(self) -> float:
        """Do what is due; return the seconds until the next look. Never raises for a database."""
        try:
            return self._tick()
        except Error as error:
            # PostgreSQL restarts, a disk is full: stay, say so, and try again.
            log.warning("beat.database", error=type(error).__name__, detail=str(error)[:200])
            self.leadership.forget()
            connection.close()
            return FOLLOW_S

    def _tick(self) -> float:
        leads = self.leadership.lead()
        if time.monotonic() - self._alive_at >= RENEW_S:
            leases.beat("beat", self.name, {"leads": leads})
            self._alive_at = time.monotonic()
        if not leads:
            return FOLLOW_S
        self._follow_edits()
        if self.planner.fire_due():
            return SHORTEST_S
        due = self.planner.next_due()
        wait = (due - self.planner.clock()).total_seconds() if due else TICK_S
        return min(max(wait, SHORTEST_S), TICK_S)

    def _follow_edits(self) -> None:
        """What the database noted, at each look; all rows are compared once an hour."""
        clock, now = self.planner.clock(), time.monotonic()
        count = resync(clock)
        if now - self._compared_at >= COMPARE_S:
            self._compared_at = now
            count += compare(clock)
        if count:
            log.info("beat.followed_edits", schedules=count)

    def close(self) -> None:
        """Give the lead back."""
        try:
            self.leadership.give_back()
        except Error as error:
            log.warning("beat.database", error=type(error).__name__)


class LeaderScheduler(Scheduler):
    """What `celery beat` runs: our schedules, and Celery's static entries while we lead."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.beat = Beat()
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Only the entries of the settings: there is no result backend to clean."""
        self.merge_inplace(self.app.conf.beat_schedule)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One look; returns the seconds until the next."""
        wait = self.beat.tick()
        looked.send_robust(type(self))
        if self.beat.leadership.epoch is None or not self.schedule:
            return wait
        return min(wait, float(super().tick(*args, **kwargs)))

    def close(self) -> None:
        """Give the lead back, then what Celery holds."""
        self.beat.close()
        super().close()
        gc.freeze()  # Python's last look for garbage costs a second, and all of it goes anyway
