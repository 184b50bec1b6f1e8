"""When something is to happen, said by people in Chinese or English: phrases to moments and crontabs."""

from __future__ import annotations

from apps.assistant.when.describe import describe
from apps.assistant.when.finding import find
from apps.assistant.when.firing import next_times
from apps.assistant.when.model import At, Every, Found
from apps.assistant.when.phrase import parse

__all__ = ["At", "Every", "Found", "describe", "find", "next_times", "parse"]
