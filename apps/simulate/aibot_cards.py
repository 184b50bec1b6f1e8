"""What WeCom takes from an AI bot, checked field by field; anything else is refused."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

MAX_CONTENT = 20_480
MAX_BUTTONS = 6
MAX_KEY = 1024
_TASK = re.compile(r"[0-9A-Za-z_@-]{1,128}")
_CARD = {
    *("card_type", "source", "action_menu", "main_title", "quote_area", "sub_title_text"),
    *("horizontal_content_list", "button_selection", "button_list", "card_action", "task_id"),
    "feedback",
}


class Bad(Exception):
    """The platform would refuse this; the argument says why."""


def check_content(text: Any) -> str:
    """The words of a stream or a message."""
    if not isinstance(text, str) or len(text.encode()) > MAX_CONTENT:
        raise Bad(f"content is a string of at most {MAX_CONTENT} bytes")
    return text


def check_stream(stream: Any, *, pictures: bool) -> dict[str, Any]:
    """The `stream` of an answer."""
    if not isinstance(stream, dict):
        raise Bad("stream is no object")
    only(stream, {"id", "finish", "content", "msg_item", "feedback"})
    if not isinstance(stream.get("id"), str) or not stream["id"]:
        raise Bad("stream.id is missing")
    if not isinstance(stream.get("finish", False), bool):
        raise Bad("stream.finish is no boolean")
    check_content(stream.get("content", ""))
    items = stream.get("msg_item", [])
    if items and not (pictures and stream.get("finish")):
        raise Bad("pictures go with the end of a polled stream only")
    if len(items) > 10:
        raise Bad("more than 10 pictures")
    for item in items:
        check_picture(item)
    return stream


def check_picture(item: Any) -> None:
    """One picture of a stream."""
    if item.get("msgtype") != "image" or set(item["image"]) != {"base64", "md5"}:
        raise Bad("a msg_item is an image with base64 and md5")
    data = base64.b64decode(item["image"]["base64"], validate=True)
    if hashlib.md5(data, usedforsecurity=False).hexdigest() != item["image"]["md5"]:
        raise Bad("md5 does not match")
    if not data.startswith((b"\x89PNG", b"\xff\xd8")) or len(data) > 10 * 1024 * 1024:
        raise Bad("pictures are PNG or JPEG of at most 10 MiB")


def check_card(card: Any, task_ids: set[str]) -> list[tuple[str, str]]:
    """A template card with buttons; returns (label, key) of each and notes its task_id."""
    if not isinstance(card, dict) or card.get("card_type") != "button_interaction":
        raise Bad("this stand knows cards with buttons only")
    only(card, _CARD)
    title = card.get("main_title")
    if not isinstance(title, dict) or not (title.get("title") or card.get("sub_title_text")):
        raise Bad("main_title.title or sub_title_text is needed")
    only(title, {"title", "desc"})
    buttons = card.get("button_list")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= MAX_BUTTONS:
        raise Bad(f"1 to {MAX_BUTTONS} buttons")
    for button in buttons:
        only(button, {"text", "style", "key"})
        if not button.get("text") or button.get("style") not in {1, 2, 3, 4}:
            raise Bad("a button has a text and a style from 1 to 4")
        if not 1 <= len(str(button.get("key", "")).encode()) <= MAX_KEY:
            raise Bad(f"a button's key has 1 to {MAX_KEY} bytes")
    if len({button["key"] for button in buttons}) != len(buttons):
        raise Bad("two buttons have the same key")
    task = card.get("task_id")
    if not isinstance(task, str) or not _TASK.fullmatch(task) or task in task_ids:
        raise Bad("task_id is missing, has other characters, or was used before")
    task_ids.add(task)
    return [(str(button["text"]), str(button["key"])) for button in buttons]


def only(value: dict[str, Any], known: set[str]) -> None:
    """Refuse fields that the vendor does not know."""
    if unknown := set(value) - known:
        raise Bad(f"unknown fields {sorted(unknown)}")
