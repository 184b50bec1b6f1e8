"""Judges by the words around it whether a run of pieces is about time, and whose day it may be."""

from __future__ import annotations

import re

from apps.assistant.when.pieces import (
    AM,
    PM,
    Beyond,
    Clock,
    Day,
    Interval,
    Marker,
    Month,
    MonthDays,
    Offset,
    Part,
    Week,
    Weekdays,
    Year,
)
from apps.assistant.when.runs import Run
from apps.assistant.when.text import Normal

_DATED = (Day, Week, Weekdays, MonthDays, Month, Year, Offset, Marker)
_EDGE = '[,.;:!?。、，；：！？…()（）"“”/\n]'
# A bare 九点 or "at 9" may count points or things; these say that it is a time.
_CUE_BEFORE = re.compile(
    f"(?:^|{_EDGE} ?|提醒(?:我们?|大家|他们?|她们?|一下)?|[叫喊让]我们?"
    "|(?:通知|告诉)(?:我们?|大家)|[请在于我]|[定改约放]在|改[到成为]|[推延][迟到]到?|设[在为]"
    "|(?<![a-z])(?:remind|tell|call|wake|ping|notify|me|us|him|her|them|everyone|all|team) )$"
)
_CUE_AFTER = re.compile(
    f" ?(?:$|{_EDGE}|提醒|[叫喊催让请帮给]|通知|告诉|发(?![现展明])|推送|运行|执行"
    "|跑|检查|巡检|备份|重启|开[会始]|[上下]班|出发|起床|集合|汇报|同步|提交|交|打卡|打电话|吃[饭药早午晚]|喝水|去|准时|我"
    "|(?:to|please|pls|remind|tell|ping|run|send|check|for|every|each)(?![a-z]))"
)
_REQUEST = re.compile("提醒|[叫喊催让请帮给要都]|通知|告诉|发(?![现展明])|运行|执行|$|[,，。]")
_NOT_AT = re.compile("(?:look|looking|looked|looks|aim|aimed|stay|stayed|good|bad|point) $")
# 每小时100元, the hourly rate, 3 PM (project managers) needed.
_HALF_WEAK = re.compile("每一?个?小时|hourly|[0-9]{1,2} [ap]m")
_ALSO_WORDS = re.compile("(?:sat|sun|wed|mar|may|march)(?![a-z])")


def in_context(original: str, normal: Normal, run: Run) -> bool:
    """True unless the run may just as well have nothing to do with time."""
    text = normal.text
    before = _CUE_BEFORE.search(text[: run.start]) is not None
    after = _CUE_AFTER.match(text, run.end) is not None
    if _ALSO_WORDS.match(text, run.start) and not before:
        return original[normal.origin[run.start]].isupper()
    if run.has(*_DATED):
        return True
    if _HALF_WEAK.fullmatch(text, run.start, run.end):
        return after
    if run.has(Interval, Part) or _has_half(run):
        return True
    if text.startswith(("at ", "@"), run.start):
        return after and not _NOT_AT.search(text[: run.start])
    return before and after


def _has_half(run: Run) -> bool:
    return any(isinstance(p, Clock) and p.hours in (AM, PM) for p in run.pieces)


def leaves_open(text: str, phrase: Run, other: Run) -> bool:
    """True when another word about days may belong to the phrase."""
    if any(isinstance(piece, Marker) and not piece.adjective for piece in other.pieces):
        return _REQUEST.match(text, other.end) is not None or text[other.start].isascii()
    a_day = other.has(Day, Weekdays, MonthDays) or Beyond(day=True) in other.pieces
    return a_day and not phrase.has(*_DATED)
