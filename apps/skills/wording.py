"""Words that several skills need: moments, spans and states, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo

from apps.core.i18n import Text, both

_WEEKDAYS = (
    both("周一", "Mon"),
    both("周二", "Tue"),
    both("周三", "Wed"),
    both("周四", "Thu"),
    both("周五", "Fri"),
    both("周六", "Sat"),
    both("周日", "Sun"),
)
STATES: Mapping[str, Text] = {
    "waiting": both("等待中", "waiting"),
    "asking": both("等你回答", "asking"),
    "running": both("运行中", "running"),
    "succeeded": both("已完成", "done"),
    "failed": both("失败", "failed"),
    "cancelled": both("已取消", "cancelled"),
    "denied": both("被拒绝", "denied"),
    "expired": both("已过期", "expired"),
    "dead": both("多次失败，已停止", "given up"),
}
#: How ids and codes are typed: in any case, with dashes or blanks where people put them.
NUMBER = r"^[0-9A-Za-z -]+$"
OPEN_STATES = ("waiting", "asking", "running")


def state(name: str) -> Text:
    """Return the name of a job's state for a person."""
    return STATES.get(name, Text(name, name))


def clock(moment: datetime, tz: tzinfo) -> str:
    """Return a moment on that wall clock, to the minute: 2026-11-22 10:20."""
    return f"{moment.astimezone(tz):%Y-%m-%d %H:%M}"


def weekday(moment: datetime, tz: tzinfo) -> Text:
    """Return the day of the week on that wall clock."""
    return _WEEKDAYS[moment.astimezone(tz).weekday()]


def span(length: timedelta) -> Text:
    """Return a length of time to the minute: 20 分钟, 3 小时 5 分钟, 4 天."""
    minutes = round(length.total_seconds() / 60)
    days, hours = minutes // 1440, minutes // 60
    if minutes < 1:
        return both("不到 1 分钟", "less than a minute")
    if minutes < 60:
        return Text(f"{minutes} 分钟", _count(minutes, "minute"))
    if hours >= 48:
        return Text(f"{days} 天", _count(days, "day"))
    rest = minutes % 60
    zh, en = f"{hours} 小时", _count(hours, "hour")
    return Text(f"{zh} {rest} 分钟", f"{en} {_count(rest, 'minute')}") if rest else Text(zh, en)


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def size(count: float) -> str:
    """Return a number of bytes in the largest fitting unit: 3.2 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def short(text: str, limit: int = 60) -> str:
    """Return `text` on one line, cut with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
