"""From what a transcriber writes to what somebody would have typed.

Simplified characters, numbers in digits where they are long, a spoken slash as a slash, no full
stop behind a command; loops are cut, and what transcribers make up of silence is nothing.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

from apps.core import numerals

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
_NUMBER = re.compile(f"[{numerals.LETTERS}]+")
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
    if len(word) >= 3 and all(one in numerals.DIGITS and one != "两" for one in word):
        return "".join(str(numerals.DIGITS[one]) for one in word)
    value = numerals.value(word) if len(word) > 1 else None
    return word if value is None else str(value)
