"""Reads the content of a Matrix message: its text, what hangs on it, and whether the bot is meant.

Sources: Matrix client-server API 1.16, "Instant messaging" (message types, rich replies, threads),
"User and room mentions" (`m.mentions`), and MSC3245 for voice messages.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from apps.im.payload import MAX_ID, Malformed, optional_object, optional_text, text_at
from apps.im.spaces import tidy

#: How each message type is called here: the kind of the message and the type of its attachment.
FILES = {
    "m.image": ("image", "image"),
    "m.file": ("file", "file"),
    "m.video": ("file", "video"),
    # A sound that is sent to an assistant is speech, also where the client does not mark it so.
    "m.audio": ("voice", "voice"),
}
TEXTS = frozenset({"m.text", "m.emote"})
_QUOTED = re.compile(r"> (?:\* )?<(@[^>]+)>")
# Everybody in a room writes these; each is read in one pass, so that no text takes long.
_QUOTE_BEGINS = re.compile(r"<mx-reply>", re.IGNORECASE)
_QUOTE_ENDS = re.compile(r"</mx-reply>", re.IGNORECASE)
_PILL = re.compile(
    r"""<a\s[^<>]{0,500}?href=["']https://matrix\.to/#/"""
    r"""([^"'?<>]{1,600})(?:\?[^"'<>]{0,600})?["'][^<>]{0,500}>""",
    re.IGNORECASE,
)
_LONGEST_LABEL = 1000
_TAG = re.compile(r"<[^<>]*>")
_ROOM = re.compile(r"(?<!\S)@room(?![\w.-])")
# Element answers unknown commands with a slash itself; after an exclamation mark they get through.
_COMMAND = re.compile(r"^(?:!(?=\w)|//(?=\w))")
_CALLED = re.compile(r"^@?[^\s:,]{1,100}[:,]\s+(?=[/!]\w)")
_LONGEST_HTML = 64 * 1024


@dataclass
class Content:
    """What one message holds."""

    kind: str
    text: str = ""
    attachments: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    mentions_bot: bool = False


def read(content: Mapping[str, Any], bot: str) -> Content | None:
    """Read the content of an `m.room.message`; None for a type that we cannot use.

    `bot` is our own Matrix id. Raises `Malformed`.
    """
    kind = optional_text(content, "msgtype")
    if kind in TEXTS:
        found = Content("text")
        body = text_at(content, "body")
    elif kind in FILES:
        found, body = _file(content, kind)
    elif kind == "m.location":
        found, body = _location(content)
    else:
        return None
    _relate(found, content)
    spoken_to = _Addressing(content, bot, body)
    found.text = said(spoken_to.text)
    found.mentions_bot = spoken_to.bot
    if spoken_to.everybody:
        found.extra["mentioned_all"] = True
    if kind == "m.emote":
        found.extra["format"] = "emote"
    return found


def is_edit(content: Mapping[str, Any]) -> bool:
    """Does this replace an earlier message?"""
    relation = content.get("m.relates_to")
    return isinstance(relation, dict) and relation.get("rel_type") == "m.replace"


def said(text: str) -> str:
    """The words as they are understood: tidy, and `!ping` as `/ping`, which clients swallow."""
    return _COMMAND.sub("/", tidy(text))


def _file(content: Mapping[str, Any], kind: str) -> tuple[Content, str]:
    """The attachment, and the words below it. Raises `Malformed` without a readable file."""
    ours, what = FILES[kind]
    url = text_at(content, "url")  # an encrypted one stands under `file`, and has no `url`
    if not url.startswith("mxc://") or len(url) > MAX_ID:
        raise Malformed("url is no mxc address")
    body = optional_text(content, "body")
    name = optional_text(content, "filename")
    info = optional_object(content, "info")
    attachment: dict[str, Any] = {"type": what, "key": url, "name": name or body}
    attachment |= {"mime": optional_text(info, "mimetype")}
    attachment |= {"duration_ms": _whole(info, "duration"), "size": _whole(info, "size")}
    kept = {key: value for key, value in attachment.items() if value}
    # Without a file name the body is one; with it, and different, the body is a caption.
    caption = body if name and body != name else ""
    return Content(ours, attachments=[kept]), caption


def _location(content: Mapping[str, Any]) -> tuple[Content, str]:
    point = text_at(content, "geo_uri").removeprefix("geo:").partition(";")[0].split(",")
    try:
        latitude, longitude = float(point[0]), float(point[1])
    except (ValueError, IndexError) as error:
        raise Malformed("geo_uri is no geo address") from error
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise Malformed("a coordinate is out of range")
    extra = {"lat": latitude, "lon": longitude}
    return Content("location", extra=extra), optional_text(content, "body")


def _whole(info: Mapping[str, Any], key: str) -> int:
    value = info.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 < value < 2**53 else 0


def _relate(found: Content, content: Mapping[str, Any]) -> None:
    """Keep the thread that it belongs to and the message that it answers."""
    relation = _object(content, "m.relates_to")
    if relation.get("rel_type") == "m.thread":
        found.extra |= _event("thread_id", relation)
        if relation.get("is_falling_back") is True:
            return  # the reply is only there for clients that know no threads
    found.extra |= _event("reply_to", _object(relation, "m.in_reply_to"))


def _object(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _event(name: str, relation: Mapping[str, Any]) -> dict[str, str]:
    value = relation.get("event_id")
    usable = isinstance(value, str) and value.startswith("$") and len(value) <= MAX_ID
    return {name: str(value)} if usable else {}


class _Addressing:
    """Who is spoken to, and the text without the bot's own name.

    `m.mentions` decides where it is there; a name at the beginning counts always, because that is
    how people call a bot where their client completes no names.
    """

    def __init__(self, content: Mapping[str, Any], bot: str, body: str) -> None:
        self._bot = bot
        self._localpart = bot.partition(":")[0].removeprefix("@")
        self.text, quoted = _unquoted(body)
        pills = _pills(content)
        mentions = content.get("m.mentions")
        if isinstance(mentions, dict):
            users = mentions.get("user_ids")
            self.bot = isinstance(users, list) and bot in users
            self.everybody = mentions.get("room") is True
        else:
            # A reply speaks to whom it quotes.
            self.bot = bot in pills or quoted == bot
            self.everybody = bool(_ROOM.search(self.text))
        if not self._strip_start() and self.bot:
            self._strip_name(pills.get(bot, ""))

    def _strip_start(self) -> bool:
        """Take the bot's id or name from the beginning; was it there?"""
        found = _call_of(self._bot, self._localpart).match(self.text)
        if found is None:
            return False
        self.text, self.bot = self.text[found.end() :], True
        return True

    def _strip_name(self, shown: str) -> None:
        """Take the name under which the client shows the bot from wherever it stands."""
        for name in (shown, self._bot, f"@{self._localpart}"):
            if name and name in self.text:
                before, _, after = self.text.partition(name)
                if not before.strip(" @"):
                    before, after = "", after.lstrip(" :,")
                self.text = before + after
                return
        # Mentioned under a name that we do not know: what is called before a command is it.
        self.text = _CALLED.sub("", self.text)


@functools.lru_cache(maxsize=64)
def _call_of(bot: str, localpart: str) -> re.Pattern[str]:
    """How a text begins that speaks to the bot: its id, `@name`, or its bare name with a colon
    (or before a command), but not somebody else's `@name:other.org`."""
    full, name = re.escape(bot), re.escape(localpart)
    ways = (
        rf"{full}(?:\s*[:,：，]|(?![\w.:-]))",
        rf"@?{name}\s*(?:[:,](?=\s|[/!]|$)|[：，])",
        rf"@{name}(?![\w.:=/+-])",
        rf"{name}(?=\s+[/!]\w)",
    )
    return re.compile(rf"\s*(?:{'|'.join(ways)})", re.IGNORECASE)


def _unquoted(body: str) -> tuple[str, str]:
    """The text without the quotation that older clients put before a reply, and who is quoted."""
    found = _QUOTED.match(body)
    if found is None:
        return body, ""
    lines = body.split("\n")
    quoted = next((n for n, line in enumerate(lines) if not line.startswith("> ")), len(lines))
    return "\n".join(lines[quoted:]).lstrip("\n"), found[1]


def _pills(content: Mapping[str, Any]) -> dict[str, str]:
    """The people who are linked in the formatted text, with the names under which they stand."""
    formatted = content.get("formatted_body")
    if not isinstance(formatted, str) or len(formatted) > _LONGEST_HTML:
        return {}
    text, shown = _unquoted_html(formatted), {}
    for found in _PILL.finditer(text):
        begin = found.end()
        end = text.find("</a", begin, begin + _LONGEST_LABEL)
        label = _TAG.sub("", text[begin:end]) if end >= 0 else ""
        shown[unquote(html.unescape(found[1]))] = html.unescape(label).strip()
    return shown


def _unquoted_html(text: str) -> str:
    """The formatted text without the quotation of a reply, which names whom it quotes."""
    begins = _QUOTE_BEGINS.search(text)
    ends = _QUOTE_ENDS.search(text, begins.end()) if begins else None
    return text[: begins.start()] + text[ends.end() :] if begins and ends else text
