"""Draws the neutral card as a Matrix message: plain words, and HTML for clients that show it.

Matrix has no buttons, so that a card's commands stand in it to be typed; with an exclamation mark,
because Element takes what begins with a slash for itself. The whole event has at most 65,536 bytes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from apps.core import strictjson
from apps.core.i18n import both
from apps.im.cards import Block, Card, Divider, Fields, Table, Text, block_text, to_text
from apps.im.fitting import Limits, split, split_fenced
from apps.im.matrix_html import markdown, plain
from apps.im.shapes import Media

#: Of 65,536: what the server adds (hashes, signatures, the events before) is some 2,000.
MAX_CONTENT = 58_000
#: A text in pieces: escaping can double it.
TEXT_BYTES = 24_000
#: The shortened text beside an edit, for clients that know no edits.
_FALLBACK = 2_000
_COLORS = {"green": "#2e7d32", "orange": "#e65100", "red": "#c62828", "grey": "#757575"}
_TYPE = both("可以输入这些命令：", "Commands you can type:")
# No client shows them, and each takes six bytes.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def message(card: Card, language: str) -> dict[str, str]:
    """`body` and `formatted_body` of a card."""
    shown = _typed(card)
    return formatted(_clean(to_text(shown, language)), _clean(_html(shown, language)))


def formatted(body: str, drawn: str) -> dict[str, str]:
    """A text with its HTML."""
    return {"body": body, "format": "org.matrix.custom.html", "formatted_body": drawn}


def pieces(text: str) -> list[dict[str, str]]:
    """A long text as messages; a fence that is cut is closed, and opened anew in the next."""
    return [{"body": piece} for piece in split_fenced(_clean(text), TEXT_BYTES)]


def mentioning(content: Mapping[str, str], person: str, name: str) -> dict[str, Any]:
    """The message with a person called at its beginning, who is alerted."""
    called = name or person.partition(":")[0].removeprefix("@")
    link = f'<a href="https://matrix.to/#/{html.escape(person)}">{html.escape(called)}</a>'
    drawn = content.get("formatted_body") or plain(content["body"])
    words = formatted(f"{called}: {content['body']}", f"{link}: {drawn}")
    return {**words, "m.mentions": {"user_ids": [person]}}


def edit(content: Mapping[str, Any], event_id: str) -> dict[str, Any]:
    """The event that puts this content in the place of an earlier message."""
    return {
        "msgtype": content["msgtype"],
        "body": "* " + split(content["body"], _FALLBACK)[0],
        "m.mentions": {},
        "m.new_content": dict(content),
        "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
    }


def file_message(media: Media, address: str) -> dict[str, Any]:
    """The content that shows an uploaded file."""
    kind = media.mime.partition("/")[0]
    types = {"image": "m.image", "audio": "m.audio", "video": "m.video"}
    info: dict[str, Any] = {"size": len(media.data)}
    info |= {"mimetype": media.mime} if media.mime else {}
    info |= {"duration": media.duration_ms} if media.duration_ms else {}
    name = _clean(media.name) or "file"
    content = {"msgtype": types.get(kind, "m.file"), "body": name, "filename": name}
    return {**content, "url": address, "info": info, "m.mentions": {}}


def size(card: Card) -> int:
    """Bytes of the content that would show this card."""
    return len(strictjson.dumps(message(card, "zh-hans")).encode()) + 500


LIMITS = Limits(
    size=size,
    max_bytes=MAX_CONTENT,
    text_bytes=TEXT_BYTES,
    max_blocks=500,
    max_tables=100,
    max_buttons=100,
    max_rows=500,
)


def _typed(card: Card) -> Card:
    """The card with its commands as they can be typed."""
    buttons = tuple(
        replace(one, cmd="!" + one.cmd[1:]) if one.cmd.startswith("/") else one
        for one in card.buttons
    )
    return replace(card, buttons=buttons)


def _clean(text: str) -> str:
    return _CONTROL.sub("", text)


def _html(card: Card, language: str) -> str:
    parts = [_title(card)] if card.title.strip() else []
    parts += [_block(block) for block in card.blocks if block_text(block).strip()]
    if card.buttons:
        lines = (
            f"<li><code>{html.escape(one.cmd)}</code> {html.escape(one.label)}</li>"
            for one in card.buttons
        )
        parts.append(f"<p>{_TYPE.in_(language)}</p><ul>{''.join(lines)}</ul>")
    return "".join(parts)


def _title(card: Card) -> str:
    color = _COLORS.get(card.color)
    words = html.escape(card.title, quote=False)
    shown = f'<font color="{color}" data-mx-color="{color}">{words}</font>' if color else words
    return f"<h4>{shown}</h4>"


def _block(block: Block) -> str:
    match block:
        case Text(text, markdown=True):
            return markdown(text)
        case Text(text):
            return f"<p>{plain(text)}</p>"
        case Fields():
            pairs = (f"<strong>{plain(n)}</strong>: {plain(v)}" for n, v in block.pairs)
            return f"<p>{'<br>'.join(pairs)}</p>"
        case Table():
            return _table(block)
        case Divider():
            return "<hr>"


def _table(table: Table) -> str:
    heads = "".join(f"<th>{plain(head)}</th>" for head in table.heads)
    rows = (
        "<tr>" + "".join(f"<td>{plain(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
