"""Draws the neutral card for WeCom: template cards for what can be clicked, else text.

Source: developer.work.weixin.qq.com, "发送应用消息" (path 90236) and "模板卡片类型" (101032).
The sizes of a template card are given there in Chinese characters, as advice: what is longer is
cut on the screen, so it is said in a message of its own and the card is kept short.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from apps.core.i18n import both
from apps.im.cards import (
    Block,
    Button,
    Card,
    Choice,
    Divider,
    Fields,
    Form,
    Input,
    Table,
    Text,
    block_text,
    to_text,
)
from apps.im.fitting import split

#: Bytes of a text or a markdown message; the rest would be cut off silently.
TEXT_BYTES = 2048
#: In halves of a Chinese character.
TITLE, BODY, LABEL, FIELD_NAME, FIELD_VALUE = 72, 320, 20, 10, 60
OPTION, QUESTION = 32, 36
MAX_FIELDS, MAX_BUTTONS = 6, 6
MAX_SELECTS, MAX_OPTIONS = 3, 10
MAX_KEY_BYTES, MAX_OPTION_BYTES, MAX_TASK_BYTES = 1024, 128, 128
# The vendor says only that 1 is the default; what a colour means is left to it.
_STYLES = {"default": 1, "primary": 1, "danger": 2}
_ABOVE = both("详情见上面的消息", "See the message above")
_PICK = both("请选择", "Please choose")
_REPLY = both("请回复{label}", "Please reply with: {label}")
_ACTING = re.compile(r"<(?=/?a\b|@)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ZERO_WIDTH_SPACE = "\u200b"
#: Four invisible characters are the digits of a marker.
_DIGITS = "\u200b\u200c\u200d\u2060"
_MARKER_DIGITS = 16
MARKER_BYTES = _MARKER_DIGITS * 3
#: What WeCom's markdown draws; fences and tables it shows letter by letter.
_MARKUP = re.compile(r"\*\*|__|^#{1,6} |^> |`|\]\(", re.MULTILINE)
_BEYOND_MARKDOWN = re.compile(r"```|~~~|^\s*\|", re.MULTILINE)
_LISTED = re.compile(r"^(?:[-+*]|[0-9]+\.) |^\s*\|", re.MULTILINE)
_MEANT_LITERALLY = re.compile(r"[*_`#>\[\]<]")
_TASK_ID = re.compile(r"[A-Za-z0-9_@-]{1,128}")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A template card, and whether it holds every word of what it was drawn from."""

    card: dict[str, Any]
    whole: bool


def harmless(text: str) -> str:
    """Break the tags that would hide a link or mention people; drop what JSON must escape.

    WeCom refuses `\\uXXXX` in a request (40033), which control characters would become.
    """
    return _ACTING.sub("<" + _ZERO_WIDTH_SPACE, _CONTROL.sub("", text.replace("\r\n", "\n")))


def marker(name: str) -> str:
    """Invisible characters that make the same words of two deliveries two different messages.

    WeCom knows a repeat by its content alone, so an honest second "pong" must not equal the first.
    """
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])
    return "".join(_DIGITS[number >> 2 * place & 3] for place in range(_MARKER_DIGITS))


def task_id(key: str) -> str:
    """The id of a card's task: the delivery's key, or a digest where that has other characters."""
    return key if _TASK_ID.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()


def pieces(text: str) -> list[str]:
    """A text cut so that each piece is one message, with room for its marker."""
    return split(harmless(text), TEXT_BYTES - MARKER_BYTES)


def is_markdown(card: Card) -> bool:
    """Is it worth showing as markdown, and safe to?

    Markdown is seen in WeCom's own clients only. Words that are meant letter by letter must not
    become markup, so that one such word makes the whole message plain text.
    """
    texts = [block for block in card.blocks if isinstance(block, Text) and block.markdown]
    if not texts or card.form or any(isinstance(block, Table) for block in card.blocks):
        return False
    drawn = "\n".join(block.text for block in texts)
    if _BEYOND_MARKDOWN.search(drawn) or not _MARKUP.search(drawn):
        return False
    plain = [card.title, *(block_text(b) for b in card.blocks if b not in texts)]
    plain += [word for button in card.buttons for word in (button.cmd, button.label)]
    return not any(_MEANT_LITERALLY.search(words) for words in plain)


def markdown_v2(card: Card) -> str:
    """The card in the richer markdown of group robots, "" when plain text is as good or safer.

    It draws tables, lists and fences, and mentions nobody.
    """
    texts = [block for block in card.blocks if isinstance(block, Text) and block.markdown]
    tables = [block for block in card.blocks if isinstance(block, Table)]
    if not tables and not any(_MARKUP.search(b.text) or _LISTED.search(b.text) for b in texts):
        return ""
    plain = [card.title, *(block_text(b) for b in card.blocks if b not in texts + tables)]
    cells = [cell for one in tables for row in (one.heads, *one.rows) for cell in row]
    if any(_MEANT_LITERALLY.search(words) for words in (*plain, *cells)) or "|" in "".join(cells):
        return ""
    parts = [f"## {card.title}" if card.title.strip() else "", *map(_as_markdown, card.blocks)]
    return "\n\n".join(part for part in parts if part)


def _as_markdown(block: Block) -> str:
    match block:
        case Table():
            rows = (block.heads, ("---",) * len(block.heads), *block.rows)
            return "\n".join("| " + " | ".join(map(_one_line, row)) + " |" for row in rows)
        case Fields():
            return "\n".join(f"- {name}: {_one_line(value)}" for name, value in block.pairs)
        case Divider():
            return "---"
        case Text():
            return block.text


def _one_line(cell: str) -> str:
    return " ".join(cell.split()) or " "


def words(card: Card, language: str) -> str:
    """Everything a card says, with its buttons as commands and its form as a question.

    A card with a form asks for its first input already; what can be answered is added.
    """
    text = to_text(card, language)
    if card.form is None or not card.form.inputs:
        return text
    first = card.form.inputs[0]
    ask = "" if text.strip() else _REPLY.format(label=first.label).in_(language)
    options = "\n".join(f"- {choice.value}  ({choice.label})" for choice in first.choices)
    return "\n\n".join(part for part in (text, ask, options) if part)


def draws_form(form: Form | None) -> bool:
    """Can this form be drawn? Only lists to pick from exist, and something is always picked."""
    return (
        form is not None
        and 1 <= len(form.inputs) <= MAX_SELECTS
        and bool(form.submit.token)
        and all(_can_pick(one) for one in form.inputs)
    )


def draws_buttons(buttons: tuple[Button, ...]) -> bool:
    """Do all buttons find room on one card?"""
    return 1 <= len(buttons) <= MAX_BUTTONS and all(button.token for button in buttons)


def interaction(card: Card, key: str, language: str) -> Drawn:
    """A card with buttons, or with lists to pick from when its form can be drawn."""
    drawn, whole = _head(card, language)
    drawn["task_id"] = task_id(key)
    if card.form is not None and draws_form(card.form):
        submit = {"text": cut(card.form.submit.label, LABEL), "key": card.form.submit.token}
        lists = [_select(one) for one in card.form.inputs]
        more = {"select_list": lists, "submit_button": submit}
        return Drawn({"card_type": "multiple_interaction", **drawn, **more}, whole)
    unique = {button.token: button for button in card.buttons}
    return Drawn(
        {
            "card_type": "button_interaction",
            **drawn,
            "button_list": [_button(button) for button in unique.values()],
        },
        whole,
    )


def notice(card: Card, language: str, url: str) -> Drawn:
    """A card with nothing to click but itself, which leads to `url`."""
    drawn, whole = _head(card, language)
    return Drawn(
        {"card_type": "text_notice", **drawn, "card_action": {"type": 1, "url": url}}, whole
    )


def pointing_up(card: Card, language: str) -> Card:
    """What is left of a card whose words stand in a message above it."""
    return Card(card.title, card.color, (Text(_ABOVE.in_(language)),), card.buttons, card.form)


def width(text: str) -> int:
    """How wide a text is, in halves of a Chinese character."""
    return sum(1 if ord(letter) < 0x1100 else 2 for letter in text)


def cut(text: str, limit: int) -> str:
    """The beginning of one line that is at most so wide."""
    text = " ".join(harmless(text).split())
    if width(text) <= limit:
        return text
    kept = 0
    for at, letter in enumerate(text):
        kept += width(letter)
        if kept > limit - 2:
            return text[:at] + "…"
    return text


def _head(card: Card, language: str) -> tuple[dict[str, Any], bool]:
    """Title, words and facts of a card, and whether nothing had to be left out."""
    fields = [block for block in card.blocks if isinstance(block, Fields)]
    pairs = [pair for block in fields for pair in block.pairs]
    side_by_side = len(pairs) <= MAX_FIELDS and all(_is_short(pair) for pair in pairs)
    blocks = [b for b in card.blocks if not (side_by_side and isinstance(b, Fields))]
    body = harmless("\n".join(filter(str.strip, map(block_text, blocks)))).strip()
    title = cut(card.title, TITLE)
    shown = body if width(body) <= BODY else _beginning(body)
    if not (title or shown):
        title = _PICK.in_(language)
    drawn: dict[str, Any] = {"main_title": {"title": title}} if title else {}
    if shown:
        drawn["sub_title_text"] = shown
    if side_by_side and pairs:
        drawn["horizontal_content_list"] = [
            {"keyname": harmless(name), "value": harmless(value)} for name, value in pairs
        ]
    labels = all(width(button.label) <= LABEL for button in card.buttons)
    whole = shown == body and width(card.title) <= TITLE and labels and not _has_markup(card)
    return drawn, whole


def _beginning(body: str) -> str:
    kept = 0
    for at, letter in enumerate(body):
        kept += width(letter)
        if kept > BODY - 2:
            return body[:at] + "…"
    return body


def _has_markup(card: Card) -> bool:
    """Would it lose by being shown letter by letter?"""
    blocks = [block for block in card.blocks if isinstance(block, Text) and block.markdown]
    return any(_MARKUP.search(block.text) for block in blocks)


def _is_short(pair: tuple[str, str]) -> bool:
    name, value = pair
    return bool(name.strip() and value.strip()) and (
        width(name) <= FIELD_NAME and width(value) <= FIELD_VALUE and "\n" not in name + value
    )


def _button(button: Button) -> dict[str, Any]:
    text = cut(button.label.strip() or button.cmd, LABEL)
    return {"text": text, "style": _STYLES[button.style], "key": button.token}


def _can_pick(one: Input) -> bool:
    values = [choice.value for choice in one.choices]
    return (
        one.required
        and 1 <= len(values) <= MAX_OPTIONS
        and len(set(values)) == len(values)
        and all(1 <= len(value.encode()) <= MAX_OPTION_BYTES for value in values)
        and len(one.name.encode()) <= MAX_KEY_BYTES
        and all("," not in value for value in values)
    )


def _select(one: Input) -> dict[str, Any]:
    return {
        "question_key": one.name,
        "title": cut(one.label, QUESTION),
        "option_list": [_option(choice) for choice in one.choices],
    }


def _option(choice: Choice) -> dict[str, str]:
    return {"id": choice.value, "text": cut(choice.label or choice.value, OPTION)}
