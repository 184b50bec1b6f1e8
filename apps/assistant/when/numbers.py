"""Numbers as people write them in time phrases: digits, Chinese numerals, English words."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HAN_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2}
_D = "[一二两三四五六七八九]"
_HAN = re.compile(
    rf"(?:(?P<h>{_D})百(?=$|零|{_D}十))?零?(?:(?P<t>{_D}?)(?P<ten>十))?(?P<u>{_D})?|零"
)

HAN_NUMBER = "[零一二两三四五六七八九十百廿卅]{1,6}"
"""Pattern of a Chinese numeral; not every match of it is a number."""
NUMBER = rf"(?:[0-9]{{1,4}}|{HAN_NUMBER})"
"""Pattern of a number in Chinese text."""

# fmt: off
_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINAL_ONES = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth",
]
# fmt: on


def _words() -> dict[str, int]:
    words = {word: value for value, word in enumerate(_ONES)}
    for tens, word in enumerate(_TENS, start=2):
        words[word] = tens * 10
        words |= {
            f"{word} {one}": tens * 10 + value for value, one in enumerate(_ONES[:10]) if value
        }
    return words


def _ordinal_words() -> dict[str, int]:
    words = {word: value for value, word in enumerate(_ORDINAL_ONES, start=1)}
    words |= {"twentieth": 20, "thirtieth": 30}
    for tens, word in ((20, "twenty"), (30, "thirty")):
        words |= {f"{word} {one}": tens + v for v, one in enumerate(_ORDINAL_ONES[:9], start=1)}
    return words


WORDS = _words()
ORDINAL_WORDS = _ordinal_words()


def any_of(words: Iterable[str]) -> str:
    """A pattern that matches the longest of `words`."""
    return f"(?:{'|'.join(sorted(words, key=len, reverse=True))})"


_DIGIT_WORD = any_of(_ONES[1:10])
NUMBER_WORD = f"(?:{any_of(_TENS)}(?:[ -]{_DIGIT_WORD})?|{any_of(_ONES)})"
"""Pattern of a number below a hundred in words."""
HOUR_WORD = any_of(_ONES[1:13])
"""Pattern of an hour in words, on a twelve-hour clock."""
MINUTE_WORD = f"(?:oh {_DIGIT_WORD}|{any_of(_ONES[10:])}|{any_of(_TENS[:4])}(?:[ -]{_DIGIT_WORD})?)"
"""Pattern of the minutes behind an hour in words, as in nine oh five."""
_LATE_ORDINAL = f"(?:twenty|thirty)[ -]{any_of(_ORDINAL_ONES[:9])}"
ORDINAL_WORD = f"(?:{_LATE_ORDINAL}|twentieth|thirtieth|{any_of(_ORDINAL_ONES)})"
"""Pattern of an ordinal in words."""


def chinese(text: str) -> int | None:
    """The value of digits or of a Chinese numeral up to 999; None when it is not well formed."""
    if text.isdecimal():
        return int(text)
    match = _HAN.fullmatch(text.replace("廿", "二十").replace("卅", "三十"))
    if match is None or not text:
        return None
    tens = _HAN_DIGITS.get(match["t"] or "一", 0) if match["ten"] else 0
    return (
        100 * _HAN_DIGITS.get(match["h"] or "", 0)
        + 10 * tens
        + _HAN_DIGITS.get(match["u"] or "", 0)
    )


def chinese_digits(text: str) -> int:
    """A year spelled digit by digit, such as 二零二七; raises KeyError on anything else."""
    return int("".join(char if char.isdecimal() else str(_HAN_DIGITS[char]) for char in text))


def english(text: str) -> int | None:
    """The value of digits, of a number word below a hundred, or of "a" and "an"."""
    if text.isdecimal():
        return int(text)
    return 1 if text in ("a", "an") else WORDS.get(text.replace("-", " "))


def ordinal(text: str) -> int | None:
    """The value of 1st to 31st, in digits or words; None for an ending that does not fit (2st)."""
    word = text.replace("-", " ")
    if word in ORDINAL_WORDS:
        return ORDINAL_WORDS[word]
    value = int(text[:-2])
    teen = value // 10 % 10 == 1
    ending = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return value if text.endswith(ending) else None
