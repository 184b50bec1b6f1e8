"""Draws the neutral card for DingTalk: as its Markdown, or as the values of a card template.

Sources: open.dingtalk.com, "消息发送与接收类型" (the subset of Markdown), "机器人发送群聊消息"
(15,000 bytes of `msgParam`), "创建并投放卡片" and "API 卡片数据的填写说明" (values are strings
of at most 1 KB; what is no string is JSON in one).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from apps.core import strictjson
from apps.im.cards import Block, Button, Card, Divider, Fields, Table, Text, to_text
from apps.im.fitting import Fitted, Limits, fit, split_fenced

MAX_PARAM = 15_000
#: What may come in front of a text: whom it is for, and that it may be a repeat.
_ROOM = 600
#: A value of a card template.
MAX_VALUE = 1_000
#: Longer words on a button are cut off by the clients too.
_LABEL = 20
#: What a notification shows of a message.
_TITLE = 50
_COLORS = {"primary": "blue", "danger": "red", "default": "gray"}

# What would begin a block when it begins a line, and what marks words within one.
_BLOCK = re.compile(r"^(\s*)(#{1,6}(?=\s)|>|[-+*](?=\s)|\d{1,9}[.)](?=\s)|`{3,}|~{3,}|={3,}|-{3,})")
_INLINE = re.compile(r"[\\`*\[\]<]|~~|(?<![^\W_])_|_(?![^\W_])")


def markdown(card: Card, language: str) -> str:
    """The whole card as Markdown, with its buttons as commands to type."""
    parts = [f"### {escaped(_one_line(card.title))}"] if card.title.strip() else []
    parts += [drawn for block in card.blocks if (drawn := _block(block)).strip()]
    if card.buttons:
        parts.append(plain(to_text(Card(buttons=card.buttons), language)))
    return "\n\n".join(parts)


def title(card: Card, language: str) -> str:
    """What the notification says."""
    words = card.title.strip() or to_text(card, language)
    return _one_line(words)[:_TITLE] or "ClawdBot"


def pieces(text: str, head: str) -> list[str]:
    """The text in pieces that fit into one message each, with code fences kept whole."""
    limit = MAX_PARAM - _ROOM
    while True:
        parts = [part for part in split_fenced(text, limit) if part.strip()]
        if all(param_size(part, head) <= MAX_PARAM - _ROOM // 2 for part in parts):
            return parts
        limit //= 2  # much of it is escaped in JSON


def param_size(text: str, head: str) -> int:
    """Bytes of the `msgParam` that would hold this."""
    return len(strictjson.dumps({"title": head, "text": text}).encode())


def template_values(card: Card) -> dict[str, str]:
    """`cardParamMap` for the template that docs/platforms/dingtalk.md describes."""
    body = Card("", card.color, card.blocks)
    return {
        "title": _one_line(card.title),
        "markdown": markdown(body, "en"),
        "btns": _buttons(card.buttons),
    }


def size(card: Card) -> int:
    """Bytes of the longest value."""
    return max(len(value.encode()) for value in template_values(card).values())


LIMITS = Limits(size=size, max_bytes=MAX_VALUE, text_bytes=MAX_PARAM - _ROOM)


def fitted(card: Card, language: str) -> Fitted:
    """A card that fits into the template; buttons that do not become commands to type."""
    kept = len(card.buttons)
    while kept and len(_buttons(card.buttons[:kept]).encode()) > MAX_VALUE:
        kept -= 1
    if rest := card.buttons[kept:]:
        words = Text(to_text(Card(buttons=rest), language))
        card = replace(card, buttons=card.buttons[:kept], blocks=(*card.blocks, words))
    return fit(card, LIMITS, language)


def plain(text: str) -> str:
    """Words to be shown letter by letter, line by line."""
    lines = [escaped(line) for line in text.split("\n")]
    # Two blanks make a new line within a paragraph; an empty line begins one.
    return "\n".join(
        f"{line}  " if line and after else line
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
    )


def escaped(line: str) -> str:
    """One line without a mark that Markdown would act on. Underscores within words do nothing."""
    line = _INLINE.sub(lambda found: "".join(f"\\{one}" for one in found[0]), line)
    return _BLOCK.sub(_guarded, line)


def _guarded(found: re.Match[str]) -> str:
    space, mark = found[1], found[2]
    if mark[0].isdigit():
        return f"{space}{mark[:-1]}\\{mark[-1]}"
    return f"{space}\\{mark}"


def _block(block: Block) -> str:
    match block:
        case Text(text, markdown=True):
            return text
        case Text(text):
            return plain(text)
        case Fields(pairs):
            return "  \n".join(f"**{escaped(name)}**: {_cell(value)}" for name, value in pairs)
        case Table(heads, rows):
            lines = [" | ".join(f"**{_cell(head)}**" for head in heads)]
            lines += [" | ".join(map(_cell, row)) for row in rows]
            return "  \n".join(lines)
        case Divider():
            return "---"


def _cell(text: str) -> str:
    return escaped(_one_line(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _buttons(buttons: tuple[Button, ...]) -> str:
    return strictjson.dumps([_button(number, one) for number, one in enumerate(buttons, 1)])


def _button(number: int, button: Button) -> dict[str, Any]:
    """One entry of a variable of the type "button group"."""
    return {
        "text": (button.label.strip() or button.cmd)[:_LABEL],
        "color": _COLORS[button.style],
        "status": "normal",
        "event": {
            "type": "sendCardRequest",
            "params": {"actionId": str(number), "params": {"action": button.token}},
        },
    }
