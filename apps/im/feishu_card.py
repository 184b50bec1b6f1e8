"""Draws the neutral card as Feishu card JSON 2.0, and knows how much fits into one.

Sources: open.feishu.cn, "Card JSON 2.0 structure" and the component pages (30 KB of request body,
200 elements, 5 tables; the `action` and `note` containers of 1.0 are gone).
"""

from __future__ import annotations

import re
from typing import Any

from apps.core import strictjson
from apps.im.cards import Block, Button, Card, Divider, Fields, Table, Text, block_text, to_text
from apps.im.fitting import Limits

MAX_BODY = 30_000
#: What stands in the request besides the card: receive_id, msg_type, uuid.
_ENVELOPE = 500
#: One text message takes 150 KB; escaping twice can make a byte seven.
TEXT_BYTES = 12_000
_SUMMARY = 80
# A control character becomes `\\u0001`, seven bytes; nothing becomes more.
_WORST_LETTER = 8
_WORST_PART = 350
_WORST_FRAME = 2000
# Words that came from outside must not mention anybody.
_ACTING = re.compile(r"<(?=/?(?:at|person)\b)", re.IGNORECASE)
_ZERO_WIDTH_SPACE = "\u200b"


def harmless(text: str) -> str:
    """Break the tags that would notify people, leaving the same letters to see."""
    return _ACTING.sub("<" + _ZERO_WIDTH_SPACE, text)


def render(card: Card) -> dict[str, Any]:
    """The card as Feishu's JSON; `update_multi` lets it be edited afterwards."""
    elements = [_element(block) for block in card.blocks if block_text(block).strip()]
    if card.buttons:
        elements.append(_buttons(card.buttons))
    drawn: dict[str, Any] = {
        "schema": "2.0",
        "config": {"update_multi": True, "summary": {"content": _summary(card)}},
        "body": {"elements": elements},
    }
    if card.title.strip():
        drawn["header"] = {"title": _plain(card.title), "template": card.color}
    return drawn


def card_content(card: Card) -> str:
    """The value of `content` for a card message."""
    return strictjson.dumps(render(card))


def card_message(card: Card) -> dict[str, str]:
    """The part of a send request that shows a card."""
    return {"msg_type": "interactive", "content": card_content(card)}


def text_message(text: str) -> dict[str, str]:
    """The part of a send request that shows a text."""
    return {"msg_type": "text", "content": strictjson.dumps({"text": harmless(text)})}


def size(card: Card) -> int:
    """Bytes of the request that would send this card, or a little more than that.

    Nearly every card is small, and a look at the lengths of its words says so without drawing it.
    """
    most = _most(card)
    if most <= MAX_BODY:
        return most
    return len(strictjson.dumps({"content": card_content(card)}).encode()) + _ENVELOPE


def _most(card: Card) -> int:
    words = [card.title, *(word for button in card.buttons for word in (button.label, button.cmd))]
    for block in card.blocks:
        match block:
            case Text():
                words.append(block.text)
            case Fields():
                words += [word for pair in block.pairs for word in pair]
            case Table():
                words += [*block.heads, *(cell for row in block.rows for cell in row)]
    parts = len(words) + len(card.blocks)
    return sum(map(len, words)) * _WORST_LETTER + parts * _WORST_PART + _WORST_FRAME


LIMITS = Limits(
    size=size,
    max_bytes=MAX_BODY,
    text_bytes=TEXT_BYTES,
    max_blocks=120,
    max_tables=5,
    max_buttons=25,
)


def _summary(card: Card) -> str:
    return harmless(" ".join(to_text(card).split())[:_SUMMARY])


def _plain(text: str) -> dict[str, str]:
    return {"tag": "plain_text", "content": text}


def _element(block: Block) -> dict[str, Any]:
    match block:
        case Text(text, markdown=True):
            return {"tag": "markdown", "content": harmless(text)}
        case Text() | Fields():
            return {"tag": "div", "text": _plain(block_text(block))}
        case Table():
            return _table(block)
        case Divider():
            return {"tag": "hr"}


def _table(table: Table) -> dict[str, Any]:
    return {
        "tag": "table",
        "page_size": 10,
        "columns": [
            {"name": f"c{number}", "display_name": head, "data_type": "text"}
            for number, head in enumerate(table.heads)
        ],
        "rows": [{f"c{number}": cell for number, cell in enumerate(row)} for row in table.rows],
    }


def _buttons(buttons: tuple[Button, ...]) -> dict[str, Any]:
    """Side by side, on as many lines as the screen needs."""
    columns = [
        {"tag": "column", "width": "auto", "elements": [_button(button)]} for button in buttons
    ]
    return {"tag": "column_set", "flex_mode": "flow", "columns": columns}


def _button(button: Button) -> dict[str, Any]:
    return {
        "tag": "button",
        "text": _plain(button.label.strip() or button.cmd),
        "type": button.style,
        "behaviors": [{"type": "callback", "value": {"cmd": button.cmd}}],
    }
