"""A clock whose reader knows a few phrases: parameters are tested without the real reader."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from apps.skills.testing import NOW, SHANGHAI
from apps.skills.times import Clock, Every, FoundTime


def find(text: str, now: datetime) -> FoundTime | None:
    """Find `N分钟后`, `in N minutes`, `每天9点` or `every day at 9`."""
    if match := re.search(r"(\d+)分钟后|in (\d+) minutes", text):
        minutes = int(match[1] or match[2])
        return FoundTime(match.start(), match.end(), at=now + timedelta(minutes=minutes))
    if match := re.search(r"每天9点|every day at 9", text):
        return FoundTime(match.start(), match.end(), every=Every("0 9 * * *", match[0]))
    return None


@pytest.fixture
def clock() -> Clock:
    """Sunday 2026-11-22, 10:00 in Shanghai."""
    return Clock(NOW, SHANGHAI, find)
