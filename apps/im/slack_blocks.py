"""Draws the neutral card as Block Kit, and knows how much fits into one message.

Sources: docs.slack.dev, Block Kit reference (50 blocks; header 150, section 3000, field 2000,
button 75 characters; 25 elements in `actions`, 100 options; in messages a number is typed as text).
That all blocks together hold about 12,000 characters is said in slackapi/bolt-js#2509 and #2867.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unicodedata import east_asian_width

from apps.core import strictjson
from apps.im.cards import (
    Block,
    Button,
    Card,
    Color,
    Divider,
    Fields,
    Form,
    Input,
    Table,
    Text,
    block_text,
    to_text,
)
from apps.im.fitting import Limits
from apps.im.slack_text import escape, fenced, mrkdwn, pieces

MAX_BLOCKS = 50
MAX_CHARS = 10_000
#: One text message: 4,000 characters are recommended, 40,000 are taken.
TEXT_CHARS = 3900
SUBMIT = "submit"
BUTTON = "button"

_SECTION, _HEADER, _FIELD, _LABEL = 3000, 150, 2000, 75
_FIELDS, _OPTIONS, _OPTION_VALUE, _NAME = 10, 100, 150, 255
_FALLBACK = 2000
_MARKS: dict[Color, str] = {"green": "🟢 ", "red": "🔴 ", "orange": "🟠 ", "grey": "⚪ "}
_TOO_MANY = 10**9


def render(card: Card, mention: str = "") -> list[dict[str, Any]]:
    """The blocks of a card; `mention` is the id of the person whom it alerts, "" for nobody."""
    drawn: list[dict[str, Any]] = []
    if mention:
        drawn.append(_marked(f"<@{mention}>"))
    if card.title.strip():
        drawn += _title(_MARKS.get(card.color, "") + card.title)
    for block in card.blocks:
        drawn += _blocks(block)
    if card.form:
        drawn += _form(card.form)
    if card.buttons:
        buttons = [_button(one, f"{BUTTON}:{n}") for n, one in enumerate(card.buttons)]
        drawn.append({"type": "actions", "elements": buttons})
    return drawn


def summary(card: Card, language: str, mention: str = "") -> str:
    """The message's `text`: what notifications and screen readers say."""
    text = pieces(escape(to_text(card, language)), _FALLBACK, fences=False)
    return (f"<@{mention}> " if mention else "") + (text[0] if text else "")


def texts(card: Card, language: str) -> tuple[list[str], bool]:
    """Everything that the card holds in messages of text, and whether they are marked up."""
    marked = any(isinstance(block, Text) and block.markdown for block in card.blocks)
    bare = Card(buttons=card.buttons)
    parts = [escape(card.title), *map(_words, card.blocks), escape(to_text(bare, language))]
    whole = "\n\n".join(part for part in parts if part.strip())
    return pieces(whole, TEXT_CHARS, fences=marked), marked


def size(card: Card) -> int:
    """Characters of the blocks, or far too many when there are too many blocks."""
    blocks = render(card, "U" * 20)
    return len(strictjson.dumps(blocks)) if len(blocks) <= MAX_BLOCKS else _TOO_MANY


LIMITS = Limits(
    size=size,
    max_bytes=MAX_CHARS,
    text_bytes=TEXT_CHARS,
    max_blocks=MAX_BLOCKS - 4,
    max_tables=10,
    max_buttons=25,
)


def _words(block: Block) -> str:
    match block:
        case Text(text, markdown=True):
            return mrkdwn(text)
        case Text() | Fields() | Table() | Divider():
            return escape(block_text(block))


def _plain(text: str, limit: int) -> dict[str, Any]:
    """Escaped text, cut to size: nothing in it is markup or becomes a picture."""
    if len(text) > limit:
        text = pieces(text, limit - 1, fences=False)[0] + "…"
    return {"type": "plain_text", "text": text, "emoji": False}


def _marked(text: str) -> dict[str, Any]:
    # `verbatim`: names and addresses in the words stay words; what is a link was made one.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _plain(text, _SECTION)}


def _title(title: str) -> list[dict[str, Any]]:
    shown = escape(" ".join(title.split()))
    if len(shown) <= _HEADER:
        return [{"type": "header", "text": _plain(shown, _HEADER)}]
    return [_section(part) for part in pieces(shown, _SECTION, fences=False)]


def _blocks(block: Block) -> Iterator[dict[str, Any]]:
    match block:
        case Text(text, markdown=True):
            yield from map(_marked, pieces(mrkdwn(text), _SECTION))
        case Text(text):
            yield from map(_section, pieces(escape(text), _SECTION, fences=False))
        case Fields():
            yield from _fields(block)
        case Table():
            yield from map(_marked, pieces(fenced(_grid(block)), _SECTION))
        case Divider():
            yield {"type": "divider"}


def _fields(block: Fields) -> Iterator[dict[str, Any]]:
    shown = [escape(f"{name}: {value}") for name, value in block.pairs]
    if any(len(one) > _FIELD for one in shown):
        yield from map(_section, pieces("\n".join(shown), _SECTION, fences=False))
        return
    for start in range(0, len(shown), _FIELDS):
        row = [_plain(one, _FIELD) for one in shown[start : start + _FIELDS]]
        yield {"type": "section", "fields": row}


def _grid(table: Table) -> str:
    """The table as lines of monospaced letters; Chinese ones are two columns wide."""
    rows = [[" ".join(cell.split()) for cell in row] for row in (table.heads, *table.rows)]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(_padded, row, widths)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _button(button: Button, action: str) -> dict[str, Any]:
    """A button; what comes back on a click is its token."""
    text = _plain(escape(button.label.strip() or button.cmd), _LABEL)
    drawn: dict[str, Any] = {"type": "button", "action_id": action, "text": text}
    if button.token:
        drawn["value"] = button.token
    if button.style != "default":
        drawn["style"] = button.style
    return drawn


def _form(form: Form) -> list[dict[str, Any]]:
    submit = {"type": "actions", "elements": [_button(form.submit, SUBMIT)]}
    return [*map(_input, form.inputs), submit]


def _input(one: Input) -> dict[str, Any]:
    block: dict[str, Any] = {
        "type": "input",
        "label": _plain(escape(one.label or one.name), _FIELD),
        "element": {**_element(one), "action_id": one.name[:_NAME]},
        "optional": not one.required,
    }
    if one.hint.strip():
        block["hint"] = _plain(escape(one.hint), _FIELD)
    return block


def _element(one: Input) -> dict[str, Any]:
    """What is filled in. Values are numbers and dates only where messages may hold such inputs."""
    fits = len(one.choices) <= _OPTIONS
    if one.choices and fits and all(0 < len(c.value) <= _OPTION_VALUE for c in one.choices):
        options = [
            {"text": _plain(escape(c.label or c.value), _LABEL), "value": c.value}
            for c in one.choices
        ]
        return {"type": "static_select", "options": options}
    kinds = {"date": "datepicker", "time": "timepicker"}
    return {"type": kinds.get(one.kind, "plain_text_input")}
