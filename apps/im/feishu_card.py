"""Draws the neutral card as Feishu card JSON 2.0, and knows how much fits into one.

Sources: open.feishu.cn, "Card JSON 2.0 structure" and the component pages (30 KB of request body,
200 elements, 5 tables; the `action` and `note` containers of 1.0 are gone).
"""

from __future__ import annotations

import re
from typing import Any

from apps.core import strictjson
from apps.im.cards import (
    Block,
    Button,
    Card,
    Divider,
    Fields,
    Form,
    Input,
    Table,
    Text,
    block_text,
    to_text,
)
from apps.im.feishu_content import TOKEN
from apps.im.fitting import Limits

MAX_BODY = 30_000
#: What stands in the request besides the card: receive_id, msg_type, uuid.
_ENVELOPE = 500
#: One text message takes 150 KB; escaping twice can make a byte seven.
TEXT_BYTES = 12_000
_SUMMARY = 80
_HINT = 100  # a placeholder's characters
_OPEN_ID = re.compile(r"ou_[A-Za-z0-9_-]{1,100}")
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


def render(card: Card, mention: str = "") -> dict[str, Any]:
    """The card as Feishu's JSON; `update_multi` lets it be edited afterwards.

    `mention` is the open_id of the person whom it alerts.
    """
    elements: list[dict[str, Any]] = []
    if _OPEN_ID.fullmatch(mention):
        elements.append({"tag": "markdown", "content": f"<at id={mention}></at>"})
    elements += [_element(block) for block in card.blocks if block_text(block).strip()]
    if card.form:
        elements.append(_form(card.form))
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


def card_content(card: Card, mention: str = "") -> str:
    """The value of `content` for a card message."""
    return strictjson.dumps(render(card, mention))


def card_message(card: Card, mention: str = "") -> dict[str, str]:
    """The part of a send request that shows a card."""
    return {"msg_type": "interactive", "content": card_content(card, mention)}


def text_message(text: str, mention: str = "") -> dict[str, str]:
    """The part of a send request that shows a text."""
    alert = f'<at user_id="{mention}"></at> ' if _OPEN_ID.fullmatch(mention) else ""
    return {"msg_type": "text", "content": strictjson.dumps({"text": alert + harmless(text)})}


def size(card: Card) -> int:
    """Bytes of the request that would send this card, or a little more than that.

    Nearly every card is small, and a look at the lengths of its words says so without drawing it.
    """
    most = _most(card)
    if most <= MAX_BODY:
        return most
    return len(strictjson.dumps({"content": card_content(card)}).encode()) + _ENVELOPE


def _most(card: Card) -> int:
    words = [card.title, *(word for button in card.buttons for word in _words(button))]
    if card.form:
        words += _words(card.form.submit)
        words += [one.name + one.label * 2 + one.hint for one in card.form.inputs]
        words += [c.value + c.label for one in card.form.inputs for c in one.choices]
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


def _words(button: Button) -> tuple[str, str]:
    return button.label or button.cmd, button.token


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
        "behaviors": [{"type": "callback", "value": {TOKEN: button.token}}],
    }


def _form(form: Form) -> dict[str, Any]:
    """A form container, which stands at the card's root ("Form container", 2.0).

    Names are unique in a card; those of parameters hold no dash.
    """
    elements = [one for entry in form.inputs for one in _input(entry)]
    submit = _button(form.submit) | {"name": "submit-0", "form_action_type": "submit"}
    return {"tag": "form", "name": "form-0", "elements": [*elements, submit]}


def _input(entry: Input) -> list[dict[str, Any]]:
    """The label as a line of its own, which every kind of input can have, then the input."""
    label = {"tag": "div", "text": _plain(entry.label.strip() or entry.name)}
    hint = (entry.hint.strip() or entry.label.strip() or entry.name)[:_HINT]
    shared = {"name": entry.name, "required": entry.required, "width": "fill"}
    shared |= {"placeholder": _plain(hint)}
    if entry.choices:
        options = [{"text": _plain(c.label or c.value), "value": c.value} for c in entry.choices]
        return [label, {"tag": "select_static", **shared, "options": options}]
    tags = {"date": "date_picker", "time": "picker_time"}
    return [label, {"tag": tags.get(entry.kind, "input"), **shared}]
