"""Understands when something is to happen, said in Chinese or English.

A phrase is cut into pieces by small rules (`reader`; rules in `zh_*`, `en_*`, `digits`), the pieces
are sorted (`slots`, `clocks`) and made into one moment (`moments`) or one crontab (`crontab`).
Pure: no database, and the clock comes in.
"""

from __future__ import annotations

from apps.assistant.when.describe import describe
from apps.assistant.when.finding import find
from apps.assistant.when.firing import next_times
from apps.assistant.when.model import At, Every, Found
from apps.assistant.when.phrase import parse

__all__ = ["At", "Every", "Found", "describe", "find", "next_times", "parse"]
