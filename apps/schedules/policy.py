"""What happens to due times that nobody was there for: the missed policy, as pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

#: A due time that is seen this soon was not missed; a scheduler may take over for that long.
ON_TIME = timedelta(seconds=60)


def verdicts(
    dues: Sequence[datetime], now: datetime, missed: str, window_s: int
) -> list[tuple[datetime, bool]]:
    """For each due time (soonest first): does it fire now, or is it recorded as missed?

    `skip` fires only what is on time; `once` only the last one within the window; `all` every one
    within it.
    """
    window = max(timedelta(seconds=window_s), ON_TIME)
    reach = {"skip": ON_TIME, "once": window, "all": window}[missed]
    fire = [due for due in dues if now - due <= reach]
    if missed == "once":
        fire = fire[-1:]
    chosen = set(fire)
    return [(due, due in chosen) for due in dues]
