"""Makes a card fit a platform's limits without losing a word of the answer.

What is too long is cut, and the whole answer follows as plain text in pieces.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from apps.core.i18n import both
from apps.im.cards import Block, Button, Card, Divider, Fields, Table, Text, block_text, to_text

_MORE = both("……全文见下面的消息", "… the whole text follows below")
_TITLE = 60
# CommonMark 4.5: three or more of one of two marks, at most three blanks in front.
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one card may hold; `size` measures a card as it will be sent, in bytes."""

    size: Callable[[Card], int]
    max_bytes: int
    text_bytes: int
    max_blocks: int = 100
    max_tables: int = 5
    max_buttons: int = 20
    max_rows: int = 50


@dataclass(frozen=True, slots=True)
class Fitted:
    """A card that fits, and the whole answer as text pieces when the card had to be cut."""

    card: Card
    rest: tuple[str, ...] = ()


def fit(card: Card, limits: Limits, language: str = "zh-hans") -> Fitted:
    """The card as it is when it fits, else a cut one with the whole answer after it."""
    drawn = replace(card, blocks=_plain_where_needed(card.blocks, limits))
    if _fits(drawn, limits):
        return Fitted(drawn)
    rest = tuple(split(to_text(card, language), limits.text_bytes))
    return Fitted(_cut(drawn, limits, language), rest)


def split(text: str, max_bytes: int) -> list[str]:
    """Cut a text into pieces of at most `max_bytes` UTF-8 bytes that together are the text.

    Cuts after a line where there is one, else after a space, else between two characters.
    """
    pieces: list[str] = []
    while len(text.encode()) > max_bytes:
        piece = _head(text, max_bytes)
        half = len(piece) // 2
        at = piece.rfind("\n") + 1
        if at <= half:
            at = max(at, piece.rfind(" ") + 1)
        piece = piece[: at if at > half else len(piece)]
        pieces.append(piece)
        text = text[len(piece) :]
    return [*pieces, text] if text else pieces


def split_fenced(text: str, max_bytes: int) -> list[str]:
    """As `split`, for Markdown: a code fence that is cut is closed, and opened again after it."""
    longest = max((len(found[0].encode()) for found in _FENCE.finditer(text)), default=0)
    # A piece may gain the opening line in front and a closing one at its end.
    room = max_bytes - 2 * (longest + 1)
    if longest == 0 or room < max_bytes // 2:
        return split(text, max_bytes)
    pieces: list[str] = []
    opening = ""
    cut = split(text, room)
    for number, piece in enumerate(cut, start=1):
        whole = opening + piece
        opening, closing = _open_fence(whole)
        if closing and number < len(cut):
            whole += closing if whole.endswith("\n") else f"\n{closing}"
        pieces.append(whole)
    return pieces


def _open_fence(text: str) -> tuple[str, str]:
    """The line that opens the fence in which a text ends, and the one that closes it; or ""."""
    opening = mark = ""
    for found in _FENCE.finditer(text):
        if not mark:
            if found[1][0] == "`" and "`" in found[2]:
                continue  # code within a line
            opening, mark = found[0] + "\n", found[1]
        elif found[1].startswith(mark) and not found[2].strip():
            opening = mark = ""
    return opening, mark


def _head(text: str, max_bytes: int) -> str:
    """The longest beginning of at most `max_bytes` bytes, one character at the least."""
    return text.encode()[:max_bytes].decode(errors="ignore") or text[:1]


def _plain_where_needed(blocks: tuple[Block, ...], limits: Limits) -> tuple[Block, ...]:
    """Tables beyond what a card may hold become text, which has no such limit."""
    drawn: list[Block] = []
    tables = 0
    for block in blocks:
        if isinstance(block, Table):
            tables += 1
            if tables > limits.max_tables or len(block.rows) > limits.max_rows:
                block = Text(block_text(block))
        drawn.append(block)
    return tuple(drawn)


def _fits(card: Card, limits: Limits) -> bool:
    return (
        len(card.blocks) <= limits.max_blocks
        and len(card.buttons) <= limits.max_buttons
        and limits.size(card) <= limits.max_bytes
    )


def _cut(card: Card, limits: Limits, language: str) -> Card:
    """As much of the beginning as fits, and the buttons unless they alone are too much."""
    more = Text(_MORE.in_(language))
    title = card.title if len(card.title) <= _TITLE else card.title[:_TITLE] + "…"
    for buttons in _fewer(card.buttons, limits.max_buttons):
        bare = Card(title, card.color, (more,), buttons)
        if _fits(bare, limits):
            return _filled(bare, card.blocks, limits)
    return Card(title, card.color, (more,))


def _fewer(buttons: tuple[Button, ...], limit: int) -> list[tuple[Button, ...]]:
    return [buttons[:limit], ()]


def _filled(bare: Card, blocks: tuple[Block, ...], limits: Limits) -> Card:
    """Put blocks in front of the last one until the next does not fit; cut that one to size."""
    (more,) = bare.blocks
    kept: list[Block] = []
    for block in blocks:
        grown = replace(bare, blocks=(*kept, block, more))
        if not _fits(grown, limits):
            part = _part(block, lambda one: replace(bare, blocks=(*kept, one, more)), limits)
            if part is not None:
                kept.append(part)
            break
        kept.append(block)
    return replace(bare, blocks=(*kept, more))


def _part(block: Block, card_with: Callable[[Block], Card], limits: Limits) -> Block | None:
    """The longest beginning of a block with which the card fits, by halving; None when none."""
    low, high = 0, _length(block)
    while low < high:
        middle = (low + high + 1) // 2
        if _fits(card_with(_beginning(block, middle)), limits):
            low = middle
        else:
            high = middle - 1
    return _beginning(block, low) if low else None


def _length(block: Block) -> int:
    match block:
        case Text():
            return len(block.text)
        case Fields():
            return len(block.pairs)
        case Table():
            return len(block.rows)
        case Divider():
            return 0


def _beginning(block: Block, length: int) -> Block:
    match block:
        case Text():
            return Text(block.text[:length], block.markdown)
        case Fields():
            return Fields(block.pairs[:length])
        case Table():
            return Table(block.heads, block.rows[:length])
        case Divider():
            return block
