"""From a text to the words of the index: the same ones on both databases, because they are ours.

Chinese has no blanks between its words, so each pair of neighbouring characters is one (bigrams);
English is folded and cut to its stem; codes such as `CB-2026/113` count in pieces and as a whole.
A word holds letters and digits only, so that neither database's own parser finds anything to split.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from apps.knowledge.numbers import numbers

#: Raised whenever the words of a text change; what was indexed by an older one is indexed anew.
VERSION = 1
LONGEST = 40
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
#: Kana and Hangul are written without blanks, or in pieces, too.
_JOINED = _HAN + "\u3041-\u30ff\uac00-\ud7a3"
_RUN = re.compile(rf"[{_JOINED}]+|[^\W_{_JOINED}]+(?:[-_./,:'’][^\W_{_JOINED}]+)*")
_IS_JOINED = re.compile(rf"[{_JOINED}]")
_BETWEEN = re.compile(rf"(?<=[{_JOINED}])\s+(?=[{_JOINED}])")
_PIECES = re.compile(r"[^\W\d_]+|\d+")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_POSSESSIVE = re.compile(r"['’]s$")
#: Longest first; what is left has at least three letters.
_ENDINGS = ("ations", "ation", "ments", "ment", "ings", "ing", "ers", "ed", "er", "es", "al", "s")
#: Said by whoever asks; they are no part of what is looked for.
_ASKING = re.compile(
    r"请问|请教|请告诉我|告诉我|帮我查|查一下|查查|我想知道|想知道|有没有|是不是|能不能|可不可以|"
    r"什么时候|为什么|是什么|什么|怎么样|怎么办|怎么|如何|多少|多久|多长|几个|几天|哪些|哪里|哪个|哪儿|"
    r"谁|吗|呢|吧|啊|[?？]|可以|需要|应该|应当|能够|必须|以及|一下|一个|这个|那个|或者|如果|怎样|"
    r"我们|你们|他们|大家|情况|之内|以内|关于"
)
_PARTICLE = re.compile(r"[的了是我你您他她它们么]")
_STOP = (
    "a an and are as at be by can do does for from has have how i if in is it its long many me "
    "much my of on or our please shall should that the their there they this to us was we what "
    "when where which who whom why will with would you your tell about"
)


@dataclass(frozen=True, slots=True)
class Sought:
    """A word of a question. One that ends in `*` stands for all that begin so (a single Chinese
    character). `units` are the places of the characters or words of the question that it covers."""

    word: str
    units: tuple[int, ...]


def of_text(text: str) -> list[str]:
    """Every word of a text to be found by, in its order, repetitions included."""
    text = _BETWEEN.sub("", folded(text))
    return [*_words(text), *(digits for _, _, digits in numbers(text))]


def of_question(text: str) -> list[Sought]:
    """The words to look for, each once, in their order; [] where nothing is asked."""
    said = _ASKING.sub(" ", folded(text))
    found: dict[str, Sought] = {}
    for run in _RUN.finditer(said):
        for one in _sought(run[0], run.start()):
            found.setdefault(one.word, one)
    for first, behind, digits in numbers(said):
        found.setdefault(digits, Sought(digits, tuple(range(first, behind))))
    every = list(found.values())
    strong = [one for one in every if not _is_weak(one.word)] or every
    # What is left of a sentence in single characters says little beside whole words.
    whole = [one for one in strong if not one.word.endswith("*")]
    return whole if len(whole) > 1 else strong


def folded(text: str) -> str:
    """One spelling: full-width to ASCII, small letters, traditional characters to simplified."""
    return unicodedata.normalize("NFKC", text).casefold().translate(_simplified())


def stem(word: str) -> str:
    """An English word without its ending; the same for `reimburse`, `reimbursed`, `reimbursement`.

    Cruder than Porter's, and as good here: what is asked is cut in the same way.
    """
    if not word.isascii() or not word.isalpha() or len(word) < 4:
        return word
    for ending in _ENDINGS:
        rest = word.removesuffix(ending)
        if len(rest) >= 3 and rest != word and not (ending == "s" and rest.endswith("s")):
            word = rest
            break
    if word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] in "eyi" else word


def _sought(run: str, place: int) -> list[Sought]:
    """The words of one run of a question that begins at `place`."""
    if _IS_JOINED.match(run):
        if len(run) == 1:
            return [Sought(run + "*", (place,))]
        return [Sought(run[i : i + 2], (place + i, place + i + 1)) for i in range(len(run) - 1)]
    words = _code(run)
    units = max(len(words) - 1, 1)
    found = [Sought(word, (place + i,)) for i, word in enumerate(words[:units])]
    if len(words) > 1:
        found.append(Sought(words[-1], tuple(range(place, place + units))))
    return found


def _is_weak(word: str) -> bool:
    return word in _WEAK or (len(word) == 2 and bool(_PARTICLE.search(word)))


def _words(text: str) -> Iterator[str]:
    for run in _RUN.findall(text):
        if _IS_JOINED.match(run):
            # The last character, too, so that every single one begins a word.
            yield from (run[i : i + 2] for i in range(len(run)))
        else:
            yield from _code(run)


def _code(run: str) -> list[str]:
    """Of `a4`: a, 4, a4; of `1,000`: 1000; of `don't`: don, t, dont; of a word: its stem."""
    run = _POSSESSIVE.sub("", run)
    if _THOUSANDS.fullmatch(run):
        return [run.replace(",", "")[:LONGEST]]
    pieces = [stem(one)[:LONGEST] for one in _PIECES.findall(run)]
    if len(pieces) == 1:
        return pieces
    return [*pieces, "".join(_PIECES.findall(run))[:LONGEST]] if pieces else []


_WEAK = frozenset(stem(word) for word in _STOP.split())


@cache
def _simplified() -> dict[int, str]:
    """A table of single characters; whole words are left to their readers."""
    from opencc import OpenCC

    dictionary: Any = OpenCC("t2s")
    found: dict[int, str] = {}
    for code in [*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000)]:
        simple = dictionary.convert(chr(code))
        if len(simple) == 1 and simple != chr(code):
            found[code] = simple
    return found
