"""Reads what a WeCom AI bot (企业微信智能机器人) is told: words, mentions, pictures, files, quotes.

Source: developer.work.weixin.qq.com, "接收消息" (path 100719), for the socket path 101463. The
bodies are the same whether they come sealed in a callback or as a frame of a socket; the socket's
media bring a key of their own (`aeskey`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.im.payload import Malformed, list_at, object_at, optional_object, optional_text, text_at
from apps.im.spaces import tidy

MAX_URL = 4000
_ANY_MENTION = re.compile(r"\s*@\S+(?:\s+|$)")


@dataclass
class Content:
    """What one message holds."""

    kind: str
    text: str = ""
    attachments: list[dict[str, Any]] = field(default_factory=list)


def read(body: Mapping[str, Any]) -> Content | None:
    """Read a message; None for a type that we cannot use. Raises `Malformed`."""
    match text_at(body, "msgtype"):
        case "text":
            return Content("text", text_at(object_at(body, "text"), "content"))
        case "voice":
            return Content("voice", optional_text(object_at(body, "voice"), "content"))
        case "image" | "file" | "video" as kind:
            shown = "image" if kind == "image" else "file"
            return Content(shown, attachments=[_media(kind, object_at(body, kind))])
        case "mixed":
            return _mixed(object_at(body, "mixed"))
        case _:
            return None


def _mixed(mixed: Mapping[str, Any]) -> Content:
    content = Content("text")
    words = []
    for item in list_at(mixed, "msg_item"):
        if not isinstance(item, dict):
            raise Malformed("a part is not an object")
        part = read(item)
        if part is None or part.kind not in {"text", "image"}:
            continue  # the vendor names these two; what may come later must not cost the message
        words.append(part.text)
        content.attachments += part.attachments
    content.text = "\n".join(word for word in words if word)
    return content


def _media(kind: str, media: Mapping[str, Any]) -> dict[str, Any]:
    # The vendor's own examples end in a blank.
    url = text_at(media, "url").strip()
    if not 1 <= len(url) <= MAX_URL:
        raise Malformed("a media address has a wrong length")
    found: dict[str, Any] = {"type": kind, "url": url, "encrypted": True}
    name = optional_text(media, "filename") or optional_text(media, "name")
    key = optional_text(media, "aeskey")
    return found | ({"name": name[:200]} if name else {}) | ({"aeskey": key} if key else {})


def without_mention(text: str, bot_name: str, *, group: bool) -> str:
    """The words without the bot's own mention, tidied.

    The platform leaves `@name ` in the text and gives no list of mentions. A name is taken off
    where it stands as a word of its own, so that `@Robot` is not found in `@Robot2`. Without a
    configured name the mention that a group's message begins with is taken for the bot's.
    """
    if bot_name:
        mine = re.compile(rf"(?<!\S)@{re.escape(bot_name)}(?=\s|$)")
        return tidy(mine.sub(" ", text, count=1))
    return tidy(_ANY_MENTION.sub("", text, count=1) if group and _begins(text) else text)


def _begins(text: str) -> bool:
    return _ANY_MENTION.match(text) is not None


def quoted(body: Mapping[str, Any]) -> dict[str, Any]:
    """The message that this one quotes, as {"kind", "text"}; {} when it quotes none.

    It is somebody else's text: data, never a command.
    """
    quote = optional_object(body, "quote")
    if not quote:
        return {}
    content = read(quote)
    if content is None:
        return {}
    return {"kind": content.kind, "text": tidy(content.text)}
