"""Finds the one time phrase inside a sentence, and is not fooled by words that look like one."""

from __future__ import annotations

import re
from datetime import datetime

from apps.assistant.when.context import in_context, leaves_open
from apps.assistant.when.model import Found
from apps.assistant.when.phrase import meaning
from apps.assistant.when.reader import Reader
from apps.assistant.when.runs import TELLING, runs_of
from apps.assistant.when.text import normalise
from apps.assistant.when.wallclock import zone_of

LONGEST_SENTENCE = 1000
_LOOSE = " \t,，、;；:："


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
    runs = list(runs_of(reader))
    phrases = [run for run in runs if run.has(*TELLING) and in_context(text, normal, run)]
    if len(phrases) != 1:
        return None
    phrase = phrases[0]
    if any(leaves_open(reader.text, phrase, run) for run in runs if run is not phrase):
        return None
    when = meaning(reader, phrase.start, phrase.end, now)
    if when is None:
        return None
    start, end = normal.original(_with_preposition(reader.text, phrase.start), phrase.end)
    return Found(when, start, end, _rest(text, start, end))


def _with_preposition(text: str, start: int) -> int:
    return start - 1 if re.search("(?<![现正存实所潜自])[在于]$", text[:start]) else start


def _rest(text: str, start: int, end: int) -> str:
    left, right = text[:start].rstrip(), text[end:].lstrip()
    between = text[len(left) : start] + text[end : len(text) - len(right)]
    if not left or not right:
        return (left.rstrip(_LOOSE) + right.lstrip(_LOOSE)).strip()
    joint = "\n" if "\n" in between else " " if between and right[0] not in ",.;:!?" else ""
    return (left + joint + right).strip()
