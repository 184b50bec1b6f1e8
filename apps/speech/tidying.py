"""From what a transcriber writes to what somebody would have typed.

Simplified characters, numbers in digits where they are long, a spoken slash as a slash, no full
stop behind a command; loops are cut, and what transcribers make up of silence is nothing.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

#: A phrase this often in a row was not said.
LOOPS = 4
_LONGEST_LOOP = 30
_SPACES = re.compile(r"\s+")
_HAN = "\u3400-\u9fff"
_BETWEEN_HAN = re.compile(rf"(?<=[{_HAN}])\s+(?=[{_HAN}])")
_END = " \t\n.。!！?？,，;；、…~～"
_SLASH = re.compile(r"^(?:forward\s+)?(?:slash\b|斜杠|斜线)[\s,，.。、:：]*", re.IGNORECASE)
#: `下午2.10分` is how Whisper writes ten past two.
_CLOCK = re.compile(r"(?<!\d)(\d{1,2})[.:](\d{2})(?=分)")
_DIGITS = "零〇一二三四五六七八九"
_VALUES = {**{one: n for n, one in enumerate("零一二三四五六七八九")}, "〇": 0, "两": 2, "幺": 1}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_NUMBER = re.compile(r"[零〇幺一二两三四五六七八九十百千万亿]+")
# Said by nobody: what Whisper writes for silence and music, from the subtitles it learned by.
_PHANTOMS = re.compile(
    r"(?:thank(?:s| you)(?: (?:so|very) much)? for (?:watching|listening)|"
    r"(?:please )?subscribe.*|subtitles by.*|thank you|you|bye|"
    r"(?:中文)?字幕(?:由|提供|制作|组|志愿者|校对).*|.*amara\.?org.*|请不吝点赞.*|.*订阅.*打赏.*|"
    r"谢谢(?:大家|您)?(?:的)?(?:观看|收看|收听).*|优优独播剧场.*|明镜.*点点栏目.*|\(.*\)|\[.*\]|♪.*)",
    re.IGNORECASE,
)


def tidy(text: str) -> tuple[str, bool]:
    """(the text, was it clean): not clean when a loop had to be cut. "" for what nobody said."""
    seen = "".join(one for one in text if unicodedata.category(one) not in {"Cc", "Cf", "Cs"})
    said = simplified(_SPACES.sub(" ", unicodedata.normalize("NFC", seen)).strip())
    said, clean = unlooped(said)
    if _PHANTOMS.fullmatch(said.strip(_END)):
        return "", True
    said = _BETWEEN_HAN.sub("", said).strip().rstrip(_END)
    said = _CLOCK.sub(r"\1点\2", said)
    said = digits(said)
    return _SLASH.sub("/", said), clean


def simplified(text: str) -> str:
    """Traditional characters as simplified ones."""
    if text.isascii():
        return text
    return str(_converter().convert(text))


@cache
def _converter() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


def unlooped(text: str) -> tuple[str, bool]:
    """Cut what is repeated `LOOPS` times or more in a row down to once."""
    clean, place = True, 0
    while place < len(text):
        for size in range(1, min(_LONGEST_LOOP, (len(text) - place) // LOOPS) + 1):
            piece = text[place : place + size]
            times = 1
            while text.startswith(piece, place + times * size):
                times += 1
            # Laughter and dialling are no loops: one letter may stand there more often.
            if times >= (LOOPS if size > 1 else 3 * LOOPS) and piece.strip():
                rest = text[place + times * size :]
                # The last time may lack its blank or its comma.
                rest = "" if rest and piece.startswith(rest) else rest
                text, clean = text[: place + size] + rest, False
                break
        place += 1
    return text, clean


def digits(text: str) -> str:
    """Long numbers in digits: 一零四二 is 1042, 二十分 is 20分. 一天 and 万一 stay as they are."""
    return _NUMBER.sub(lambda found: _digits(found[0]), text)


def _digits(word: str) -> str:
    if len(word) >= 3 and all(one in _VALUES and one != "两" for one in word):
        return "".join(str(_VALUES[one]) for one in word)
    if len(word) < 2:
        return word
    value = _value(word)
    return word if value is None else str(value)


def _value(word: str) -> int | None:
    """The number, None for what is none (万一, 千万, 七八)."""
    total = 0
    for unit, size in (("亿", 10**8), ("万", 10**4)):
        head, found, word = word.rpartition(unit) if unit in word else ("", "", word)
        if found:
            high = _small(head)
            if not high:
                return None
            total += high * size
            if not word:
                return total
    low = _small(word)
    if low is None or (total and low < 1000 and not word.startswith("零")):
        return None  # 一万三 is 13,000 to one and 10,003 to another
    return total + low


def _small(word: str) -> int | None:
    """Below ten thousand, in units that fall: 一千零四十二, 二十, 十五."""
    total, digit, last, zero = 0, None, 10_000, False
    for one in word:
        if one in _UNITS:
            size = _UNITS[one]
            if size >= last or (digit is None and not (size == 10 and total == 0 and not zero)):
                return None
            total, last, digit = total + (1 if digit is None else digit) * size, size, None
        elif one in _VALUES:
            if digit is not None:
                return None
            if _VALUES[one] == 0:
                zero = True
                continue
            digit = _VALUES[one]
        else:
            return None
    if not word or (digit is not None and total and last > 10 and not zero):
        return None  # 两百五 likewise
    return total + (digit or 0)
