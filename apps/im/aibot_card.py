"""Draws our neutral card for WeCom's AI bots: Markdown, pictures, and a template card for buttons.

Sizes: a stream or a markdown message holds at most 20,480 bytes (paths 101031, 101138); a
`button_interaction` card at most 6 buttons, and what people read on it is short (path 101032,
"模板卡片类型"). A template card holds no long text, so an answer is Markdown and its buttons hang
below it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from apps.core.i18n import both
from apps.im import cards
from apps.im.cards import Block, Button, Card, Divider, Fields, Table, Text
from apps.im.fitting import split
from apps.im.shapes import Media, Outgoing

MAX_BYTES = 20_480
MAX_BUTTONS = 6
MAX_LABEL = 20
MAX_TITLE = 26
#: `sub_title_text`: "no more than 112 characters".
MAX_SUB_TITLE = 112
#: Pictures of a stream: 10 at most, of 10 MiB each; the sum is ours, for one answer to a poll.
MAX_IMAGES = 10
MAX_IMAGES_BYTES = 4 * 1024 * 1024
#: Room for the note at the end of what had to be cut.
_NOTE_BYTES = 300
_ZERO_WIDTH = "\u200b"
_STYLES = {"primary": 1, "default": 2, "danger": 3}

_CHOOSE = both("请选择", "Please choose")
_CUT = both(
    "……内容太长，这里只能显示到此；请在网页聊天里看全文。",
    "… too long to be shown here in full; see the web chat for all of it.",
)
_NO_FILE = both(
    "📎 {name}：这里发不了这个文件，请到网页聊天里取。",
    "📎 {name}: this file cannot be sent here; fetch it from the web chat.",
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """An answer ready to go: Markdown pieces that fit one message each, and what hangs on it."""

    pieces: tuple[str, ...]
    card: dict[str, Any] | None = None
    images: tuple[dict[str, str], ...] = ()

    @property
    def final(self) -> dict[str, Any]:
        """What a stream ends with; the other pieces follow as messages."""
        return {"content": self.pieces[0], "images": list(self.images), "card": self.card}


def draw(
    out: Outgoing,
    *,
    buttons: bool = True,
    files: Literal["named", "pictures", "apart"] = "named",
) -> Drawn:
    """The answer in full. With `buttons` they become a card, else commands to type.

    `files` go out apart, or "pictures" go into the stream; what can go nowhere is named in words.
    """
    shown = out.shown()
    hung = button_card(shown, out.key, out.language) if buttons else None
    left = shown.buttons if hung is None else shown.buttons[MAX_BUTTONS:]
    pictures = _pictures(out.files) if files == "pictures" else []
    words = [markdown(replace(shown, buttons=left), out.language)]
    if files != "apart":
        kept = {id(media) for media in pictures}
        words += [file_note(one, out.language) for one in out.files if id(one) not in kept]
    pieces = tuple(split("\n\n".join(words), MAX_BYTES)) or ("…",)
    return Drawn(pieces, hung, tuple(_image(media) for media in pictures))


def within(pieces: Sequence[str], messages: int, language: str) -> list[str]:
    """At most so many messages; when more would be needed the last one says so."""
    if len(pieces) <= messages:
        return list(pieces)
    kept = list(pieces[:messages])
    last = split(kept[-1], MAX_BYTES - _NOTE_BYTES)[0]
    return [*kept[:-1], f"{last}\n\n{_CUT.in_(language)}"]


def markdown(card: Card, language: str) -> str:
    """Everything that the card holds, as the Markdown that WeCom draws."""
    parts = [f"**{harmless(card.title)}**" if card.title else ""]
    parts += [_block(block) for block in card.blocks]
    if card.buttons:
        listed = cards.to_text(Card(buttons=card.buttons), language)
        parts.append(harmless(listed))
    return "\n\n".join(part for part in parts if part)


def harmless(text: str) -> str:
    """Words in which nobody is mentioned, nothing is hidden and no link is disguised.

    WeCom reads `<@user>` and `<think>` in Markdown, and knows no way of writing `<` otherwise.
    """
    return text.replace("<", "<" + _ZERO_WIDTH).replace("](", "]" + _ZERO_WIDTH + "(")


def button_card(card: Card, key: str, language: str) -> dict[str, Any] | None:
    """The buttons as a card of their own; None without buttons that could be clicked."""
    usable = [button for button in card.buttons if button.token][:MAX_BUTTONS]
    if not usable or len(usable) < min(len(card.buttons), MAX_BUTTONS):
        return None
    return {
        "card_type": "button_interaction",
        "main_title": {"title": card.title[:MAX_TITLE] or _CHOOSE.in_(language)},
        "button_list": [_button(button) for button in usable],
        # Letters, digits and -; of one delivery only one card is ever shown.
        "task_id": key,
    }


def whole_card(out: Outgoing) -> dict[str, Any] | None:
    """The whole answer as one template card, where it is short enough for that."""
    shown = out.shown()
    if len(shown.buttons) > MAX_BUTTONS or any(isinstance(b, Table) for b in shown.blocks):
        return None
    hung = button_card(shown, out.key, out.language)
    text = "\n".join(cards.block_text(block) for block in shown.blocks)
    if hung is None or len(text) > MAX_SUB_TITLE or len(shown.title) > MAX_TITLE or out.files:
        return None
    return hung | ({"sub_title_text": text} if text else {})


def file_note(media: Media, language: str) -> str:
    """A line in place of a file that cannot go this way."""
    return _NO_FILE.format(name=harmless(media.name or media.mime or "?")).in_(language)


def _button(button: Button) -> dict[str, Any]:
    return {
        "text": (button.label.strip() or button.cmd)[:MAX_LABEL],
        "style": _STYLES[button.style],
        "key": button.token,
    }


def _block(block: Block) -> str:
    match block:
        case Text(text, markdown=True):
            return text.replace("<", "<" + _ZERO_WIDTH)
        case Text() | Fields():
            return harmless(cards.block_text(block))
        case Table():
            return _table(block)
        case Divider():
            return "---"


def _table(table: Table) -> str:
    rule = ["---"] * len(table.heads)
    return "\n".join(_row(cells) for cells in (table.heads, rule, *table.rows))


def _row(cells: Iterable[str]) -> str:
    # A bar would begin a new cell, and this Markdown has no way of writing one.
    shown = (harmless(" ".join(cell.replace("|", "｜").split())) for cell in cells)
    return f"| {' | '.join(shown)} |"


def _pictures(files: Sequence[Media]) -> list[Media]:
    """The pictures that a stream may hold: PNG and JPEG, as many as fit."""
    kept: list[Media] = []
    size = 0
    for media in files:
        fits = size + len(media.data) <= MAX_IMAGES_BYTES and len(kept) < MAX_IMAGES
        if media.mime in {"image/png", "image/jpeg"} and fits:
            kept.append(media)
            size += len(media.data)
    return kept


def _image(media: Media) -> dict[str, str]:
    digest = hashlib.md5(media.data, usedforsecurity=False).hexdigest()
    return {"base64": base64.b64encode(media.data).decode(), "md5": digest}
