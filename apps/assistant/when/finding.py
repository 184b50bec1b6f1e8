"""Finds the one time phrase inside a sentence, and is not fooled by words that look like one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from apps.assistant.when.model import Found
from apps.assistant.when.numbers import HAN_NUMBER
from apps.assistant.when.phrase import meaning
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
    Piece,
    Week,
    Weekdays,
    Year,
)
from apps.assistant.when.reader import Reader
from apps.assistant.when.text import Normal, normalise
from apps.assistant.when.wallclock import zone_of

LONGEST_SENTENCE = 1000

_TELLING: set[type[Piece]] = {Clock, Offset, Interval}
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
_LOOSE = " \t,，、;；:："
_NUMERAL = re.compile(f"[0-9.:/第百千万亿-]|{HAN_NUMBER}")


@dataclass(frozen=True, slots=True)
class _Run:
    """Pieces without a break between them, as far as they go."""

    start: int
    end: int
    pieces: frozenset[Piece]

    def has(self, *kinds: type[Piece]) -> bool:
        """True when one of these kinds of pieces is in it."""
        return any(isinstance(piece, kinds) for piece in self.pieces)


def find(text: str, now: datetime) -> Found | None:
    """The one clear time phrase in a sentence, and the sentence without it.

    None when there is none, when there are several, when the one is unclear, and when a word
    elsewhere leaves its day open (明天开会，下午三点). `rest` keeps the original characters.
    Raises ValueError when `now` has no time zone.
    """
    zone_of(now)
    normal = normalise(text, LONGEST_SENTENCE)
    if normal is None:
        return None
    reader = Reader(normal.text)
    runs = list(_runs(reader))
    phrases = [run for run in runs if run.has(*_TELLING) and _in_context(text, normal, run)]
    if len(phrases) != 1:
        return None
    phrase = phrases[0]
    if any(_leaves_open(reader.text, phrase, run) for run in runs if run is not phrase):
        return None
    when = meaning(reader, phrase.start, phrase.end, now)
    if when is None:
        return None
    start, end = normal.original(_with_preposition(reader.text, phrase.start), phrase.end)
    return Found(when, start, end, _rest(text, start, end))


def _runs(reader: Reader) -> Iterator[_Run]:
    place = reader.first(0)
    while place is not None:
        end, passed = reader.reach(place)
        if end > place and _whole_number(reader.text, place, end):
            readings = reader.readings(place, end)
            telling = [pieces for pieces in readings if _TELLING & set(map(type, pieces))]
            pieces = (piece for some in telling or readings for piece in some)
            yield _Run(place, end, frozenset(pieces))
        place = reader.first(max(passed, place + 1))


def _whole_number(text: str, start: int, end: int) -> bool:
    """False when the run is cut out of a longer number or word."""
    before, first = text[max(0, start - 1) : start], text[start]
    if before and _NUMERAL.fullmatch(first) and (_NUMERAL.fullmatch(before) or before in "$¥€£v#"):
        return False
    if before.isascii() and before.isalnum() and first.isascii() and first.isalnum():
        return False
    last_is_latin = text[end - 1].isascii() and text[end - 1].isalnum()
    return not (last_is_latin and re.match("[a-z0-9]|-[a-z]", text[end : end + 2]))


def _in_context(original: str, normal: Normal, run: _Run) -> bool:
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


def _has_half(run: _Run) -> bool:
    return any(isinstance(p, Clock) and p.hours in (AM, PM) for p in run.pieces)


def _leaves_open(text: str, phrase: _Run, other: _Run) -> bool:
    """True when another word about days may belong to the phrase."""
    if any(isinstance(piece, Marker) and not piece.adjective for piece in other.pieces):
        return _REQUEST.match(text, other.end) is not None or text[other.start].isascii()
    a_day = other.has(Day, Weekdays, MonthDays) or Beyond(day=True) in other.pieces
    return a_day and not phrase.has(*_DATED)


def _with_preposition(text: str, start: int) -> int:
    return start - 1 if re.search("(?<![现正存实所潜自])[在于]$", text[:start]) else start


def _rest(text: str, start: int, end: int) -> str:
    left, right = text[:start].rstrip(), text[end:].lstrip()
    between = text[len(left) : start] + text[end : len(text) - len(right)]
    if not left or not right:
        return (left.rstrip(_LOOSE) + right.lstrip(_LOOSE)).strip()
    joint = "\n" if "\n" in between else " " if between and right[0] not in ",.;:!?" else ""
    return (left + joint + right).strip()
