"""From what clocks on the wall show to moments, where clocks are changed twice a year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo


def zone_of(now: datetime) -> tzinfo:
    """The time zone of an aware datetime; raises ValueError for a naive one."""
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    return now.tzinfo


def is_after(moment: datetime, other: datetime) -> bool:
    """Compares moments: Python compares two datetimes of one zone by what the wall shows."""
    return moment.astimezone(UTC) > other.astimezone(UTC)


def moments_of(wall: datetime, zone: tzinfo) -> list[datetime]:
    """When clocks in `zone` show `wall` (naive): once, or twice when they are set back.

    For a time that they skip: the first moment after the gap, once.
    """
    first = wall.replace(tzinfo=zone, fold=0)
    if is_skipped(wall, zone):
        return [_gap_end(first)]
    second = first.replace(fold=1)
    return [first] if first.utcoffset() == second.utcoffset() else [first, second]


def is_skipped(wall: datetime, zone: tzinfo) -> bool:
    """True when clocks in `zone` never show `wall`."""
    local = wall.replace(tzinfo=zone)
    return local.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) != wall


def _gap_end(skipped: datetime) -> datetime:
    before = skipped.utcoffset() or timedelta()
    after = skipped.replace(fold=1).utcoffset() or timedelta()
    as_utc = skipped.replace(tzinfo=UTC)
    # The offset changes once between these two; it does so on a whole second.
    low, high = as_utc - after, as_utc - before
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(skipped.tzinfo).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0).astimezone(skipped.tzinfo)
