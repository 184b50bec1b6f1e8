"""Numbers written in Chinese words, as digits: who asks for 两万元 finds 20000 元."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.core import numerals

#: A single numeral counts where something is counted: 三天, but not 三亚 or 一定.
_MEASURES = "天日年月元块角个次倍级周号楼层人位台件页条岁名份页分小工半万"
_WORDS = re.compile(
    rf"[{numerals.LETTERS}]{{2,}}|[{numerals.LETTERS}](?=[{_MEASURES}])"
    rf"|(?<![\d.])(\d+(?:\.\d+)?)\s*([万亿])"
)
_LARGE = {"万": 10**4, "亿": 10**8}


def numbers(text: str) -> Iterator[tuple[int, int, str]]:
    """(first character, character behind the last, the number in digits) of each."""
    for found in _WORDS.finditer(text):
        if found[1]:
            value: float | None = float(found[1]) * _LARGE[found[2]]
        else:
            value = numerals.value(found[0])
        if value is not None and value == int(value):
            yield found.start(), found.end(), str(int(value))
