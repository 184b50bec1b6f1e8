"""Draws a card as text with entities: nothing has to be escaped, and no word can become markup.

Lengths and offsets count UTF-16 units, as Telegram does. Source: core.telegram.org/bots/api,
"MessageEntity", "sendMessage" (4096 after parsing), "InlineKeyboardButton" (64 bytes of data).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from apps.im.cards import Block, Button, Card, Divider, Fields, Table, Text

LIMIT = 4096
MAX_LABEL = 64
#: So many buttons stand side by side before a new row begins.
ROW = 3
NARROW = 12
_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)(?:\n```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|\*\*(?P<bold>[^*\n]+)\*\*"
    r"|(?<![\w*])\*(?P<italic>[^*\n]+)\*(?![\w*])"
    r"|\[(?P<label>[^\[\]\n]+)\]\((?P<url>https?://[^\s)]+)\)"
)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+)$", re.MULTILINE)


def units(text: str) -> int:
    """The length of a text as Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(frozen=True, slots=True)
class Span:
    """A marked part of a text: places in characters, not yet in UTF-16 units."""

    kind: str
    start: int
    end: int
    more: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Rich:
    """A text and what is marked in it."""

    text: str
    spans: tuple[Span, ...] = ()

    def then(self, other: Rich) -> Rich:
        """Both, one after the other."""
        shift = len(self.text)
        moved = (Span(s.kind, s.start + shift, s.end + shift, s.more) for s in other.spans)
        return Rich(self.text + other.text, (*self.spans, *moved))

    def part(self, start: int, end: int) -> Rich:
        """The characters from `start` to `end`, with what is marked in them."""
        kept = [
            Span(s.kind, max(s.start, start) - start, min(s.end, end) - start, s.more)
            for s in self.spans
            if s.start < end and s.end > start
        ]
        return Rich(self.text[start:end], tuple(kept))

    def entities(self) -> list[dict[str, Any]]:
        """The spans as Telegram wants them."""
        return [
            {
                "type": span.kind,
                "offset": units(self.text[: span.start]),
                "length": units(self.text[span.start : span.end]),
                **dict(span.more),
            }
            for span in self.spans
            if self.text[span.start : span.end].strip()
        ]


def marked(text: str, kind: str, **more: Any) -> Rich:
    """A text that is marked from end to end."""
    return Rich(text, (Span(kind, 0, len(text), tuple(more.items())),) if text else ())


def drawn(card: Card) -> Rich:
    """The whole card without its buttons."""
    parts = [marked(card.title, "bold")] if card.title else []
    parts += [part for block in card.blocks if (part := _block(block)).text.strip()]
    whole = Rich("")
    for number, part in enumerate(parts):
        whole = whole.then(Rich("\n\n" if number else "")).then(part)
    return whole


def pieces(rich: Rich, limit: int = LIMIT) -> list[Rich]:
    """The text in parts that each fit into one message; a block of code is one in each of them.

    Cuts after a line where there is one in the second half, else after a space, else anywhere.
    """
    found: list[Rich] = []
    start = 0
    while start < len(rich.text):
        end = _cut(rich.text, start, limit)
        piece = rich.part(start, end)
        if piece.text.strip():
            found.append(piece)
        start = end
    return found or [rich]


def _cut(text: str, start: int, limit: int) -> int:
    end = min(len(text), start + limit)
    while units(text[start:end]) > limit:
        end -= max(1, (units(text[start:end]) - limit) // 2)
    if end == len(text):
        return end
    middle = start + (end - start) // 2
    for sign in ("\n", " "):
        at = text.rfind(sign, middle, end)
        if at > 0:
            return at + 1
    return end


def keyboard(buttons: tuple[Button, ...]) -> dict[str, Any]:
    """An inline keyboard; none at all takes one away that was there."""
    rows: list[list[dict[str, str]]] = []
    for button in buttons:
        label = button.label.strip() or button.cmd
        wide = units(label) > NARROW or (rows and units(rows[-1][-1]["text"]) > NARROW)
        if not rows or wide or len(rows[-1]) == ROW:
            rows.append([])
        rows[-1].append({"text": label[:MAX_LABEL], "callback_data": button.token})
    return {"inline_keyboard": rows}


def _block(block: Block) -> Rich:
    match block:
        case Text():
            return _markdown(block.text) if block.markdown else Rich(block.text)
        case Fields():
            return _fields(block)
        case Table():
            return marked(_aligned(block), "pre")
        case Divider():
            return Rich("———")


def _fields(block: Fields) -> Rich:
    whole = Rich("")
    for number, (name, value) in enumerate(block.pairs):
        line = marked(f"{name}:", "bold").then(Rich(f" {value}"))
        whole = whole.then(Rich("\n" if number else "")).then(line)
    return whole


def _aligned(table: Table) -> str:
    """Columns under each other; wide characters take two places."""
    rows = [[" ".join(cell.split()) for cell in row] for row in (table.heads, *table.rows)]
    widths = [max(_width(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(_padded, row, widths)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))


def _width(text: str) -> int:
    return sum(2 if "\u1100" <= letter <= "\uffe6" else 1 for letter in text)


def _markdown(text: str) -> Rich:
    """Fences, inline code, bold, italic, links and headings; everything else stays as it is."""
    whole, at = Rich(""), 0
    for fence in _FENCE.finditer(text):
        whole = whole.then(_inline(text[at : fence.start()]))
        language = fence[1].strip()
        more = {"language": language} if language else {}
        whole = whole.then(marked(fence[2], "pre", **more))
        at = fence.end()
    return whole.then(_inline(text[at:]))


def _inline(text: str) -> Rich:
    text = _HEADING.sub(lambda found: f"**{found[1].replace('*', '')}**", text)
    whole, at = Rich(""), 0
    for found in _INLINE.finditer(text):
        whole = whole.then(Rich(text[at : found.start()])).then(_styled(found))
        at = found.end()
    return whole.then(Rich(text[at:]))


def _styled(found: re.Match[str]) -> Rich:
    if found["label"]:
        return marked(found["label"], "text_link", url=found["url"])
    kind = next(name for name in ("code", "bold", "italic") if found[name])
    return marked(found[kind], kind)


def mention(name: str, user: str) -> Rich:
    """A name that alerts its owner, and a line to follow; nothing for what is no user's id."""
    if not user.isdigit():
        return Rich("")
    return marked(name or user, "text_mention", user={"id": int(user)}).then(Rich("\n"))
