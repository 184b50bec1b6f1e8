"""What Slack's Block Kit allows in messages, as far as we use it: the stand refuses the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

MAX_BLOCKS = 50
#: All text of a message's blocks together; not documented (slackapi/bolt-js#2867).
MAX_CHARS = 11_000
BLOCKS = {
    "header": {"text"},
    "section": {"text", "fields", "accessory", "expand"},
    "context": {"elements"},
    "divider": set[str](),
    "actions": {"elements"},
    "input": {"label", "element", "hint", "optional", "dispatch_action"},
}
ELEMENTS = {
    "button": {"text", "value", "style", "url", "confirm", "accessibility_label"},
    "static_select": {"options", "placeholder", "initial_option"},
    "datepicker": {"initial_date", "placeholder"},
    "timepicker": {"initial_time", "placeholder"},
    "plain_text_input": {"initial_value", "multiline", "placeholder", "max_length"},
}


class BadBlocks(ValueError):
    """The message would not be drawn."""


def need(fine: object, why: str) -> None:
    """Refuse the blocks unless `fine`."""
    if not fine:
        raise BadBlocks(why)


def check_blocks(blocks: Any) -> None:
    """Raise BadBlocks for the first thing that Slack would refuse."""
    need(isinstance(blocks, list) and len(blocks) <= MAX_BLOCKS, "no more than 50 items allowed")
    block_ids, action_ids = [], []
    for block in blocks:
        _block(block)
        block_ids += [block["block_id"]] if "block_id" in block else []
        action_ids += [one["action_id"] for one in elements(block)]
    need(len(set(block_ids)) == len(block_ids), "block_id already exists")
    need(len(set(action_ids)) == len(action_ids), "action_id already exists")


def too_long(blocks: list[dict[str, Any]]) -> bool:
    """Is there more text in all than a message takes?"""
    return sum(len(text) for text in texts(blocks)) > MAX_CHARS


def texts(value: Any) -> Iterator[str]:
    """The texts of blocks, in order."""
    if isinstance(value, dict):
        if value.get("type") in {"plain_text", "mrkdwn"}:
            yield value["text"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from texts(one)


def elements(block: dict[str, Any]) -> list[dict[str, Any]]:
    """The interactive elements of a block."""
    found = [block.get("element"), *block.get("elements", [])]
    return [one for one in found if isinstance(one, dict) and "action_id" in one]


def _block(block: Any) -> None:
    need(
        isinstance(block, dict) and block.get("type") in BLOCKS, f"unsupported block {block!r:.80}"
    )
    kind = block["type"]
    unknown = set(block) - BLOCKS[kind] - {"type", "block_id"}
    need(not unknown, f"unknown keys {sorted(unknown)} of {kind}")
    need(len(block.get("block_id", "")) <= 255, "block_id is too long")
    match kind:
        case "header":
            _text(block.get("text"), 150, plain=True)
        case "section":
            _section(block)
        case "actions":
            need(1 <= len(block["elements"]) <= 25, "1 to 25 elements")
            for element in block["elements"]:
                need(element.get("type") != "plain_text_input", "no text input in actions")
                _element(element)
        case "input":
            _text(block.get("label"), 2000, plain=True)
            if "hint" in block:
                _text(block["hint"], 2000, plain=True)
            need(block["element"].get("type") != "button", "a button is no input")
            _element(block["element"])


def _section(block: dict[str, Any]) -> None:
    need("text" in block or "fields" in block, "a section without text or fields")
    if "text" in block:
        _text(block["text"], 3000)
    if "fields" in block:
        need(1 <= len(block["fields"]) <= 10, "1 to 10 fields")
        for one in block["fields"]:
            _text(one, 2000)


def _element(element: Any) -> None:
    need(isinstance(element, dict) and element.get("type") in ELEMENTS, "unsupported element")
    kind = element["type"]
    unknown = set(element) - ELEMENTS[kind] - {"type", "action_id"}
    need(not unknown, f"unknown keys {sorted(unknown)} of {kind}")
    need(1 <= len(element.get("action_id", "")) <= 255, "action_id")
    if kind == "button":
        _text(element.get("text"), 75, plain=True)
        need(element.get("style", "primary") in {"primary", "danger"}, "invalid style")
        need(1 <= len(element.get("value", "-")) <= 2000, "value")
    if kind == "static_select":
        need(1 <= len(element["options"]) <= 100, "1 to 100 options")
        for option in element["options"]:
            need(set(option) == {"text", "value"}, "an option is text and value")
            _text(option["text"], 75, plain=True)
            need(1 <= len(option["value"]) <= 150, "an option's value")


def _text(text: Any, limit: int, *, plain: bool = False) -> None:
    need(isinstance(text, dict), "no text object")
    kind = text.get("type")
    need(kind == "plain_text" or (kind == "mrkdwn" and not plain), f"text of type {kind}")
    more = {"emoji"} if kind == "plain_text" else {"verbatim"}
    need(set(text) <= {"type", "text"} | more, f"unknown keys {sorted(text)}")
    words = text.get("text")
    need(isinstance(words, str) and words.strip(), "must be more than 0 characters")
    need(len(words) <= limit, f"must be less than {limit + 1} characters")


def parsed(value: Any) -> Any:
    """Blocks may come as a string that holds their JSON."""
    return json.loads(value) if isinstance(value, str) else value
