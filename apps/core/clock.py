"""The one place that asks what time it is, so that everything above can be given another time.

Machines need not agree on the time: a process whose own clock is wrong goes by the database's,
which all share. Due times, signatures and the age of what comes in are then right everywhere.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import structlog

log = structlog.get_logger(__name__)
#: Clocks that differ by less are left alone: what is a moment early or late does no harm.
TOLERATED = timedelta(seconds=2)
_shift = timedelta(0)


def utcnow() -> datetime:
    """Return now as an aware datetime in UTC."""
    return datetime.now(UTC) + _shift


def timestamp() -> float:
    """The same as seconds since 1970."""
    return time.time() + _shift.total_seconds()


def shift() -> timedelta:
    """How far this process's own clock is behind the one that it goes by."""
    return _shift


def follow(told: datetime, asked: datetime, answered: datetime) -> None:
    """Go by the clock that said `told` between two moments of our own clock.

    However long the answer took, only what cannot be explained by that counts as a difference.
    """
    global _shift
    apart = timedelta(0)
    if told < asked - TOLERATED:
        apart = told - asked
    elif told > answered + TOLERATED:
        apart = told - answered
    if abs(apart - _shift) > TOLERATED or not apart:
        if apart != _shift:
            log.warning("clock.shifted", seconds=round(apart.total_seconds(), 1))
        _shift = apart
