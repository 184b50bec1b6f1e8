"""Reads the `content` of a Feishu message: its text as people see it, and what hangs on it.

Fields as in Feishu's "message content" reference: received content has no locale key, and people
stand in it as `@_user_N`, which `mentions` explains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.im.payload import (
    Malformed,
    id_at,
    list_at,
    object_at,
    optional_object,
    optional_text,
    parse_object,
    text_at,
)
from apps.im.spaces import tidy

# A token, not a prefix: @_user_1 must not be found in @_user_10.
_MENTION = re.compile(r"@_user_[0-9]+|@_all")


@dataclass
class Content:
    """What one message holds."""

    kind: str
    text: str = ""
    attachments: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    mentions_bot: bool = False


@dataclass
class Mentions:
    """Who is meant by each placeholder, and whether the bot is among those that were met."""

    names: dict[str, str]
    bot_keys: frozenset[str]
    bot_met: bool = False
    all_met: bool = False

    @classmethod
    def of(cls, message: Mapping[str, Any], bot_open_id: str) -> Mentions:
        """Read `mentions`, which is absent or null when only everybody is mentioned."""
        names: dict[str, str] = {}
        bot: set[str] = set()
        for one in list_at(message, "mentions"):
            if not isinstance(one, dict):
                raise Malformed("a mention is not an object")
            key = id_at(one, "key")
            names[key] = optional_text(one, "name")
            open_id = optional_text(optional_object(one, "id"), "open_id")
            if bot_open_id and open_id == bot_open_id:
                bot.add(key)
        return cls(names, frozenset(bot))

    def shown(self, key: str) -> str:
        """What a placeholder looks like to people; nothing in place of the bot itself."""
        if key in self.bot_keys:
            self.bot_met = True
            return ""
        if key == "@_all":
            # Everybody is not the bot: whoever writes to all does not ask it anything.
            self.all_met = True
            return "@all"
        return "@" + self.names[key] if key in self.names else key

    def fill(self, text: str) -> str:
        """Replace all placeholders of a text."""
        return _MENTION.sub(lambda found: self.shown(found[0]), text)


def read(message: Mapping[str, Any], bot_open_id: str) -> Content | None:
    """Read a message object; None for a type that we cannot use. Raises `Malformed`."""
    reader = _READERS.get(text_at(message, "message_type"))
    if reader is None:
        return None
    mentions = Mentions.of(message, bot_open_id)
    content = reader(parse_object(text_at(message, "content")), mentions, message)
    content.mentions_bot = mentions.bot_met
    if mentions.all_met:
        content.extra["mentioned_all"] = True
    return content


def _text(content: dict[str, Any], mentions: Mentions, message: Mapping[str, Any]) -> Content:
    return Content("text", tidy(mentions.fill(text_at(content, "text"))))


def _image(content: dict[str, Any], mentions: Mentions, message: Mapping[str, Any]) -> Content:
    return Content("image", attachments=[{"type": "image", "key": id_at(content, "image_key")}])


def _file(content: dict[str, Any], mentions: Mentions, message: Mapping[str, Any]) -> Content:
    return Content("file", attachments=[_named("file", content)])


def _media(content: dict[str, Any], mentions: Mentions, message: Mapping[str, Any]) -> Content:
    return Content("file", attachments=[_named("video", content) | _duration(content)])


def _audio(content: dict[str, Any], mentions: Mentions, message: Mapping[str, Any]) -> Content:
    key, message_id = id_at(content, "file_key"), id_at(message, "message_id")
    # im-v1/message-resource/get: audio and video are fetched as `file`.
    path = f"/open-apis/im/v1/messages/{message_id}/resources/{key}?type=file"
    voice = {"type": "voice", "key": key} | _duration(content) | {"download": f"GET {path}"}
    return Content("voice", attachments=[voice])


def _location(content: dict[str, Any], mentions: Mentions, message: Mapping[str, Any]) -> Content:
    extra = {}
    for ours, theirs in (("lat", "latitude"), ("lon", "longitude")):
        extra[ours] = _degrees(optional_text(content, theirs))
    return Content("location", optional_text(content, "name"), extra=extra)


def _degrees(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise Malformed("a coordinate is no number") from error
    if not -360 <= value <= 360:  # also what is no number at all
        raise Malformed("a coordinate is out of range")
    return value


def _post(content: dict[str, Any], mentions: Mentions, message: Mapping[str, Any]) -> Content:
    post = _Post(mentions)
    lines = [optional_text(content, "title")]
    for paragraph in list_at(content, "content"):
        if not isinstance(paragraph, list):
            raise Malformed("a paragraph is not a list")
        lines.append("".join(post.shown(element) for element in paragraph))
    extra: dict[str, Any] = {"format": "post"}
    if post.links:
        extra["links"] = post.links
    return Content("text", tidy("\n".join(lines)), post.attachments, extra)


@dataclass
class _Post:
    """Collects the attachments and links of a rich text while its words are put together."""

    mentions: Mentions
    attachments: list[dict[str, Any]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def shown(self, element: Any) -> str:
        """The words of one element."""
        if not isinstance(element, dict):
            raise Malformed("an element is not an object")
        match text_at(element, "tag"):
            case "at":
                return self._at(element)
            case "a":
                self.links.append(optional_text(element, "href"))
                return optional_text(element, "text")
            case "img":
                self.attachments.append({"type": "image", "key": id_at(element, "image_key")})
                return ""
            case "media":
                self.attachments.append({"type": "video", "key": id_at(element, "file_key")})
                return ""
            case "emotion":
                return f"[{optional_text(element, 'emoji_type')}]"
            case _:
                return self.mentions.fill(optional_text(element, "text"))

    def _at(self, element: dict[str, Any]) -> str:
        key = optional_text(element, "user_id")
        if key == "all":
            key = "@_all"
        if _MENTION.fullmatch(key) and (key == "@_all" or key in self.mentions.names):
            return self.mentions.shown(key)
        return "@" + optional_text(element, "user_name")


def _named(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    named = {"type": kind, "key": id_at(content, "file_key")}
    name = optional_text(content, "file_name")
    return named | {"name": name} if name else named


def _duration(content: dict[str, Any]) -> dict[str, Any]:
    value = content.get("duration")
    whole = isinstance(value, int) and not isinstance(value, bool)
    return {"duration_ms": value} if whole else {}


_READERS: dict[str, Callable[[dict[str, Any], Mentions, Mapping[str, Any]], Content]] = {
    "text": _text,
    "post": _post,
    "image": _image,
    "file": _file,
    "media": _media,
    "audio": _audio,
    "location": _location,
}


#: Under this name a button's value holds its token.
TOKEN = "t"  # noqa: S105 - a name
# A picker's value ends with the reader's zone: `2026-11-26 +0800`, `18:30 +0800`.
_PICKED = re.compile(r"(\d{4}-\d\d-\d\d|\d\d:\d\d) [+-]\d{4}")


def read_click(event: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The kind of a click on a card (`form` when inputs came with it), and what it brings.

    `action.value` is an object or a string (oapi-sdk-python#112); ours is always an object.
    """
    action = object_at(event, "action")
    value = action.get("value")
    token = value.get(TOKEN) if isinstance(value, dict) else value
    kept = ("tag", "name", "option", "options", "checked", "input_value", "form_value", "timezone")
    extra = {name: action[name] for name in kept if action.get(name) is not None}
    extra |= {"value": value, "action": token if isinstance(token, str) else ""}
    form = action.get("form_value")
    if not isinstance(form, dict):
        return "card_action", extra
    return "form", extra | {"values": {name: _typed(one) for name, one in form.items()}}


def _typed(value: Any) -> str:
    """What was typed or picked in one input."""
    if not isinstance(value, str):
        return "" if value is None else str(value)
    picked = _PICKED.fullmatch(value)
    return picked[1] if picked else value
