"""Reads a Telegram update. Source: core.telegram.org/bots/api, "Getting updates", "Message".

Offsets and lengths of entities count UTF-16 units. Ids are numbers beyond 32 bits, negative for
groups; everything above takes them as text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.im.payload import Malformed, list_at, object_at, optional_object, optional_text
from apps.im.shapes import Inbound, Received, accept, ignore
from apps.im.spaces import tidy

PLATFORM = "telegram"
#: The kinds of update that we ask for.
WANTED = ("message", "callback_query")
_EDITED = ("edited_message", "edited_channel_post")
_MOST = 2**53


@dataclass(frozen=True, slots=True)
class Me:
    """The bot as its users know it; the id is the first part of its token."""

    username: str
    id: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Me:
        """From the bot's settings."""
        number = str(config.get("bot_id") or str(config.get("token") or "").partition(":")[0])
        usable = number.isascii() and number.isdigit() and len(number) < 20
        name = str(config.get("bot_username") or "").lstrip("@").casefold()
        return cls(name, int(number) if usable else 0)


def read(me: Me, update: Mapping[str, Any]) -> Received:
    """What an update is for us. Raises `Malformed`."""
    number = _integer(update, "update_id")
    key = f"upd:{number}"
    if any(name in update for name in _EDITED):
        return ignore("edited")
    if "callback_query" in update:
        return _click(object_at(update, "callback_query"), key)
    if "message" in update:
        return _message(me, object_at(update, "message"), key)
    return ignore("unsupported_event")


def _message(me: Me, message: dict[str, Any], key: str) -> Received:
    sender = optional_object(message, "from")
    if not sender:
        return ignore("unsupported_event")  # a channel speaks for itself
    if sender.get("is_bot") is True or _integer(sender, "id") == me.id:
        return ignore("from_bot")
    chat = object_at(message, "chat")
    words = _Words.of(message)
    group = chat.get("type") != "private"
    addressed = words.addressed_to(me) or _is_reply_to(me, message)
    if group and (words.for_another(me) or not addressed):
        return ignore("not_addressed")
    attachments = [found for found in _attachments(message) if found]
    if not words.text and not attachments:
        return ignore("unsupported_type")
    chat_id, message_id = str(_integer(chat, "id")), str(_integer(message, "message_id"))
    kind = "text"
    extra: dict[str, Any] = {"language": optional_text(sender, "language_code")}
    text = words.said_to(me)
    if "forward_origin" in message or "forward_date" in message:
        extra["forwarded"] = True
    if words.command(me):
        kind = "command"
        command, _, args = text.partition(" ")
        extra |= {"command": command, "args": args}
    if attachments:
        kind = {"voice": "voice", "image": "image"}.get(attachments[0]["type"], "file")
    return accept(
        Inbound(
            platform=PLATFORM,
            kind=kind,
            sender_id=str(_integer(sender, "id")),
            sender_name=_name(sender),
            chat_id=chat_id,
            chat_type="group" if group else "private",
            text=text,
            message_id=message_id,
            dedupe_key=key,
            second_key=f"msg:{chat_id}:{message_id}",
            mentions_bot=group,
            attachments=attachments,
            extra=extra | _thread(message),
        )
    )


def _click(query: dict[str, Any], key: str) -> Received:
    if "data" not in query:
        return ignore("unsupported_event")  # a game
    data, sender = optional_text(query, "data"), object_at(query, "from")
    message = optional_object(query, "message")
    chat = optional_object(message, "chat")
    extra: dict[str, Any] = {
        "action": data,
        "value": data,
        "callback_query_id": optional_text(query, "id"),
    }
    if message and message.get("date") == 0:
        extra["editable"] = False  # InaccessibleMessage: too old, or deleted
    return accept(
        Inbound(
            platform=PLATFORM,
            kind="card_action",
            sender_id=str(_integer(sender, "id")),
            sender_name=_name(sender),
            chat_id=str(_integer(chat, "id")) if chat else None,
            chat_type=_chat_type(chat),
            text="",
            message_id=str(_integer(message, "message_id")) if message else None,
            dedupe_key=key,
            mentions_bot=None,
            extra=extra | _thread(message),
        )
    )


def _chat_type(chat: Mapping[str, Any]) -> str | None:
    if not chat:
        return None
    return "private" if chat.get("type") == "private" else "group"


def _thread(message: Mapping[str, Any]) -> dict[str, str]:
    """The topic of a forum, where an answer belongs; replies have threads without being one."""
    if message.get("is_topic_message") is True and "message_thread_id" in message:
        return {"thread_id": str(_integer(message, "message_thread_id"))}
    return {}


def _is_reply_to(me: Me, message: Mapping[str, Any]) -> bool:
    answered = optional_object(message, "reply_to_message")
    author = optional_object(answered, "from")
    return bool(me.id) and author.get("id") == me.id


@dataclass(frozen=True, slots=True)
class _Entity:
    kind: str
    text: str
    start: int
    end: int
    user: int


@dataclass(frozen=True, slots=True)
class _Words:
    """The text of a message (or of its picture) in UTF-16, with what is marked in it."""

    text: str
    units: bytes
    entities: tuple[_Entity, ...]

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> _Words:
        caption = "text" not in message
        text = optional_text(message, "caption" if caption else "text")
        units = text.encode("utf-16-le")
        marked = list_at(message, "caption_entities" if caption else "entities")
        return cls(text, units, tuple(_entities(marked, units)))

    def addressed_to(self, me: Me) -> bool:
        """Is the bot mentioned, or given a command?"""
        return any(_mentions(me, one) for one in self.entities) or self.command(me)

    def command(self, me: Me) -> bool:
        """Does it begin with a command for us: bare, or with our name?"""
        first = self._first_command()
        return first is not None and _owner(first) in {"", me.username}

    def for_another(self, me: Me) -> bool:
        """Does it begin with a command for another bot?"""
        first = self._first_command()
        return first is not None and _owner(first) not in {"", me.username}

    def said_to(self, me: Me) -> str:
        """The text without the bot's own name."""
        kept, at = [], 0
        for one in sorted(self.entities, key=lambda entity: entity.start):
            if one.start < at:
                continue
            if _mentions(me, one):
                kept.append(self.units[at : one.start])
                at = one.end
            elif one.kind == "bot_command" and _owner(one) == me.username and me.username:
                bare = one.text.partition("@")[0].encode("utf-16-le")
                kept.append(self.units[at : one.start] + bare)
                at = one.end
        kept.append(self.units[at:])
        text = b"".join(kept).decode("utf-16-le", "replace")
        return tidy(text)

    def _first_command(self) -> _Entity | None:
        return next((e for e in self.entities if e.kind == "bot_command" and not e.start), None)


def _entities(marked: list[Any], units: bytes) -> Iterator[_Entity]:
    for one in marked:
        if not isinstance(one, dict):
            raise Malformed("an entity is not an object")
        start, length = 2 * _integer(one, "offset"), 2 * _integer(one, "length")
        if start < 0 or length < 0 or start + length > len(units):
            raise Malformed("an entity lies outside its text")
        text = units[start : start + length].decode("utf-16-le", "replace")
        user = optional_object(one, "user")
        number = _integer(user, "id") if user else 0
        yield _Entity(optional_text(one, "type"), text, start, start + length, number)


def _mentions(me: Me, entity: _Entity) -> bool:
    if entity.kind == "mention":
        return bool(me.username) and entity.text.casefold() == f"@{me.username}"
    return entity.kind == "text_mention" and bool(me.id) and entity.user == me.id


def _owner(entity: _Entity) -> str:
    return entity.text.partition("@")[2].casefold()


def _attachments(message: Mapping[str, Any]) -> Iterator[dict[str, Any] | None]:
    yield _file("voice", optional_object(message, "voice"))
    sizes = list_at(message, "photo")
    if sizes:
        if not all(isinstance(size, dict) for size in sizes):
            raise Malformed("a photo is not an object")
        yield _file("image", max(sizes, key=lambda size: _area(size)))
    for ours, theirs in (("audio", "audio"), ("video", "video"), ("video", "video_note")):
        yield _file(ours, optional_object(message, theirs))
    if "animation" not in message:  # which comes as a document too
        yield _file("file", optional_object(message, "document"))
    yield _file("video", optional_object(message, "animation"))


def _area(size: Mapping[str, Any]) -> int:
    return _optional_integer(size, "width") * _optional_integer(size, "height")


def _file(kind: str, file: Mapping[str, Any]) -> dict[str, Any] | None:
    if not file:
        return None
    found: dict[str, Any] = {"type": kind, "key": optional_text(file, "file_id")}
    if not found["key"]:
        raise Malformed("a file without id")
    named = {"name": optional_text(file, "file_name"), "mime": optional_text(file, "mime_type")}
    found |= {name: text for name, text in named.items() if text}
    if "duration" in file:
        found["duration_ms"] = 1000 * _integer(file, "duration")
    if "file_size" in file:
        found["size"] = _integer(file, "file_size")
    return found


def _name(sender: Mapping[str, Any]) -> str:
    names = (optional_text(sender, "first_name"), optional_text(sender, "last_name"))
    return " ".join(name for name in names if name)[:200]


def _integer(data: Mapping[str, Any], key: str) -> int:
    value = data.get(key)
    if type(value) is not int or not -_MOST < value < _MOST:
        raise Malformed(f"{key} is not a whole number")
    return value


def _optional_integer(data: Mapping[str, Any], key: str) -> int:
    return 0 if data.get(key) is None else _integer(data, key)
