"""Stage one of understanding: is this text a typed command, and which words stand after its name?

Only the name is normalised (NFKC, nothing invisible, case folded); words lose what cannot be seen,
quoted words and free text stay exactly as typed. Nothing here ever raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from apps.core.i18n import Text
from apps.skills.names import INVISIBLE, fold, visible
from apps.skills.parameters import UNCLOSED, Arguments, Word
from apps.skills.registry import lookup

QUOTES = {'"': '"', "'": "'", "＂": "＂", "“": "”", "‘": "’", "「": "」", "『": "』"}
SLASHES = "/／"
MAX_BARE = 40

_ESCAPABLE = frozenset(QUOTES) | frozenset(QUOTES.values()) | {"\\"}
_HEAD = re.compile(r"""[^\s"“「『＂]+""")
_BLANKS = re.compile(rf"(?:\s|{INVISIBLE.pattern})*")
_PLAIN = re.compile(r"(?:\\.|[^\s\\]|\\$)+", re.DOTALL)
_LEAD = re.compile(
    # Input methods and phones turn two hyphens into one dash.
    r"(?:--|－－|—|–)(?P<option>[A-Za-z][A-Za-z0-9_-]*)(?:(?P<equals>[=＝])|(?=\s|\Z))"
    r"|(?P<key>[^\W\d]\w*)[=＝]"
)
_AFTER_NAME = ":,;.!?。、~"  # NFKC has made the full-width ones ASCII


@dataclass(frozen=True)
class Command:
    """A typed command: its folded name, and what stands after it exactly as typed.

    `bot` is the name after an @ (`/ping@bot`). `slash` is False for a bare name.
    """

    name: str
    head: str = ""
    tail: str = ""
    bot: str = ""
    slash: bool = True

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The words after the name; an unclosed quote makes one last, broken word."""
        return tuple(split(self.tail))

    @property
    def arguments(self) -> Arguments:
        """The words and the exact text, as parameters are read from."""
        return Arguments(split(self.tail), self.tail)

    @property
    def problem(self) -> Text | None:
        """What is wrong with the words, unless they are free text: a quote is not closed."""
        last = self.words[-1] if self.words else None
        return UNCLOSED.format(text=last.text[:40]) if last and last.broken else None


def read(text: str) -> Command | None:
    """Return the command that `text` is; None when it is none.

    A command begins with one slash (`/echo hi`, `／ｅｃｈｏ hi`, `/回显 hi`), or is the name of a
    skill and nothing else (`帮助`). A slash inside a text is no command.
    """
    start = _blanks_end(text, 0)
    if start == len(text):
        return None
    if text[start] in SLASHES:
        return _typed(text, start + 1)
    return _bare(text[start:]) if len(text) - start <= 2 * MAX_BARE else None


def _typed(text: str, start: int) -> Command | None:
    head = _HEAD.match(text, start)
    if head is None:
        return None
    name, _, bot = fold(head[0]).partition("@")
    name = name.rstrip(_AFTER_NAME)
    if not name or not name[0].isalnum() or "/" in name:  # /etc/passwd is a path
        return None
    begin = _blanks_end(text, head.end())
    return Command(name, head[0], text[begin:].rstrip(), bot.rstrip(_AFTER_NAME))


def _blanks_end(text: str, start: int) -> int:
    match = _BLANKS.match(text, start)
    return match.end() if match else start


def _bare(text: str) -> Command | None:
    name = fold(text).strip().strip(_AFTER_NAME).strip()
    if not name or len(name) > MAX_BARE or lookup(name) is None:
        return None
    return Command(name, text.strip(), slash=False)


def joined(command: Command) -> Iterator[Command]:
    """Yield readings of `/提醒20分钟后开会`: no blank ends the Chinese name; longest first."""
    if command.head.isascii():
        return
    for size in range(min(len(command.head) - 1, 12), 0, -1):
        name = fold(command.head[:size])
        if not name.isascii() and lookup(name) is not None:
            tail = command.head[size:].lstrip(_AFTER_NAME + "：，；！？")
            if command.tail:
                tail = f"{tail} {command.tail}"
            yield Command(name, command.head[:size], tail, command.bot)


def split(tail: str) -> Iterator[Word]:
    """Yield the words of `tail`; quotes count at a word's beginning and after `=`."""
    place = _blanks_end(tail, 0)
    while place < len(tail):
        word, place = _word(tail, place)
        yield word
        place = _blanks_end(tail, place)


def _word(tail: str, start: int) -> tuple[Word, int]:
    lead = _LEAD.match(tail, start)
    place = lead.end() if lead else start
    if lead and lead["option"] and not lead["equals"]:
        return Word(lead[0], start, option=lead["option"]), place
    value, place, broken = _value(tail, place)
    if lead is None:
        return Word(value, start, broken=broken), place
    text, key, option = lead[0] + value, lead["key"] or "", lead["option"] or ""
    return Word(text, start, key=key, option=option, value=value, broken=broken), place


def _value(tail: str, start: int) -> tuple[str, int, bool]:
    """Read one value: its text, where it ends, and whether its quote was never closed."""
    value, place = "", start
    if tail[start : start + 1] in QUOTES:
        value, place, broken = _quoted(tail, start)
        if broken:
            return value, place, True
    plain = _PLAIN.match(tail, place)
    if plain is not None:
        value, place = value + _unescape(visible(plain[0]), " "), plain.end()
    return value, place, False


def _quoted(tail: str, start: int) -> tuple[str, int, bool]:
    closer, place = QUOTES[tail[start]], start + 1
    while place < len(tail) and tail[place] != closer:
        place += 2 if tail[place] == "\\" else 1
    if place >= len(tail):
        return tail[start:], len(tail), True
    return _unescape(tail[start + 1 : place]), place + 1, False


def _unescape(text: str, more: str = "") -> str:
    """Take the backslash away before quotes and backslashes (and `more`), not in C:\\temp."""
    if "\\" not in text:
        return text
    parts: list[str] = []
    place = 0
    while place < len(text):
        escaped = text[place + 1 : place + 2] if text[place] == "\\" else ""
        if escaped and (escaped in _ESCAPABLE or escaped in more):
            parts.append(escaped)
            place += 2
        else:
            parts.append(text[place])
            place += 1
    return "".join(parts)


def quote(arguments: Iterable[str]) -> str:
    """Return words as they must be typed so that `split` reads the same words back."""
    return " ".join(map(_quote, arguments))


def _quote(word: str) -> str:
    safe = re.fullmatch(r"[\w./:@+%-]+", word) and not INVISIBLE.search(word)
    if safe and word[0] not in "-－—–":
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
