"""What a time phrase can mean: the answers that the rest of the assistant works with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class At:
    """One moment, aware and in the future of the clock that it was read with."""

    time: datetime


@dataclass(frozen=True, slots=True)
class Every:
    """A repetition: five crontab fields in wall-clock time; 0 = Sunday, L = last day of month."""

    cron: str


@dataclass(frozen=True, slots=True)
class Found:
    """A time phrase in a sentence: its meaning, its place in the original text, what is left."""

    when: At | Every
    start: int
    end: int
    rest: str
