"""The two kinds of time that a skill can ask for, and how the parser above hands them down."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

_FIELD = r"[0-9*/,\-L]{1,40}"
_CRON = re.compile(rf"{_FIELD}(?: {_FIELD}){{4}}")


@dataclass(frozen=True, slots=True)
class Every:
    """A time that comes again: a five-field crontab (0 = Sunday, L = last day of the month).

    `words` is how the person said it. Raises ValueError when `cron` has not that shape.
    """

    cron: str
    words: str = ""

    def __post_init__(self) -> None:
        if not _CRON.fullmatch(self.cron):
            raise ValueError("a crontab has five fields of digits and * / , - L")


@dataclass(frozen=True, slots=True)
class FoundTime:
    """A time phrase at `text[start:end]`: a moment (`at`, aware) or a repetition (`every`)."""

    start: int
    end: int
    at: datetime | None = None
    every: Every | None = None


#: Finds the one time phrase in a text; None when there is none or when it is ambiguous.
FindTime = Callable[[str, datetime], FoundTime | None]


@dataclass(frozen=True, slots=True)
class Clock:
    """When and where a text was written, and who can read the times in it."""

    now: datetime
    tz: tzinfo
    find: FindTime

    @property
    def local_now(self) -> datetime:
        """Now, on the asker's wall clock."""
        return self.now.astimezone(self.tz)
