"""Reads what a Slack event holds: its text as people see it, the files that hang on it, a form.

Source: docs.slack.dev, "Formatting message text" and the file object. In received text people,
channels, links and calls to everybody stand between < and >; &, < and > themselves are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.im.payload import Malformed, id_at, list_at, optional_object, optional_text
from apps.im.spaces import tidy

_TOKEN = re.compile(r"<([^<>]*)>")
_SCHEMES = ("mailto:", "tel:")
#: Files without bytes: deleted, hidden by the plan's limit, or kept elsewhere.
_BODILESS = frozenset({"tombstone", "hidden_by_limit", "external"})
#: Where the different inputs keep what was filled in.
_FILLED = (
    *("value", "selected_date", "selected_time", "selected_user", "selected_channel"),
    *("selected_conversation", "selected_date_time"),
)


@dataclass
class Words:
    """A text as people see it, without the bot's own mention."""

    text: str
    mentions_bot: bool = False
    links: list[str] = field(default_factory=list)


@dataclass
class Files:
    """The files of a message, and what was said in them where Slack wrote it down."""

    kind: str = "text"
    attachments: list[dict[str, Any]] = field(default_factory=list)
    transcript: str = ""


def words(raw: str, bot: Collection[str]) -> Words:
    """Read received text; `bot` holds the bot's own user ids."""
    found = Words("")

    def shown(token: re.Match[str]) -> str:
        target, _, label = token[1].partition("|")
        if target.startswith("@"):
            if target[1:] in bot:
                found.mentions_bot = True
                return " "
            return token[0]
        return _shown(target, label, found.links)

    found.text = tidy(_unescaped(_TOKEN.sub(shown, raw)))
    return found


def _shown(target: str, label: str, links: list[str]) -> str:
    """What stands for a channel, for a call to many (none of them is the bot), or for a link."""
    if target.startswith("#"):
        return f"#{label}" if label else target
    if target.startswith("!"):
        name = target[1:].partition("^")[0]
        if name in {"here", "channel", "everyone"}:
            return f"@{name}"
        return label or target[1:]
    if target.startswith(("http://", "https://")) and label:
        links.append(_unescaped(target))
    for scheme in _SCHEMES:
        target = target.removeprefix(scheme)
    return label or target


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def files(event: Mapping[str, Any]) -> Files:
    """Read the files of a message. Raises `Malformed`."""
    found = Files()
    said: list[str] = []
    for one in list_at(event, "files"):
        if not isinstance(one, dict):
            raise Malformed("a file is not an object")
        if optional_text(one, "mode") in _BODILESS:
            continue
        attachment = _attachment(one)
        found.attachments.append(attachment)
        if attachment["type"] == "voice":
            said.append(_transcript(one))
    kinds = {one["type"] for one in found.attachments}
    if "voice" in kinds:
        found.kind = "voice"
    elif kinds:
        found.kind = "image" if kinds == {"image"} else "file"
    # What was said must be there as a whole, or it is listened to instead.
    found.transcript = "\n".join(said) if all(said) else ""
    return found


def _attachment(one: Mapping[str, Any]) -> dict[str, Any]:
    mime = optional_text(one, "mimetype")
    url = optional_text(one, "url_private_download") or optional_text(one, "url_private")
    kind = "image" if mime.startswith("image/") else "file"
    kind = {"slack_audio": "voice", "slack_video": "video"}.get(optional_text(one, "subtype"), kind)
    known: dict[str, Any] = {"type": kind, "key": id_at(one, "id"), "mime": mime, "url": url}
    if kind in {"voice", "video"}:
        known["duration_ms"] = _whole(one.get("duration_ms"))
    if kind != "voice":
        known |= {"name": optional_text(one, "name"), "size": _whole(one.get("size"))}
    return {name: value for name, value in known.items() if value not in ("", None)}


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _transcript(one: Mapping[str, Any]) -> str:
    """What Slack understood; "" while it is at it, and when it shows the beginning only."""
    written = optional_object(one, "transcription")
    preview = optional_object(written, "preview")
    if written.get("status") != "complete" or preview.get("has_more"):
        return ""
    return optional_text(preview, "content").strip()


def value_of(element: Mapping[str, Any]) -> str:
    """What an input or a button holds, "" for nothing. Several choices are joined by commas."""
    for name in _FILLED:
        value = element.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    chosen = element.get("selected_options") or [element.get("selected_option")]
    if not isinstance(chosen, list):
        return ""
    return ",".join(
        one["value"]
        for one in chosen
        if isinstance(one, dict) and isinstance(one.get("value"), str)
    )


def values(state: Mapping[str, Any]) -> dict[str, str]:
    """A form's inputs by their names, whatever block they stand in. Raises `Malformed`."""
    filled: dict[str, str] = {}
    for block in optional_object(state, "values").values():
        if not isinstance(block, dict):
            raise Malformed("a block of values is not an object")
        for name, element in block.items():
            if not isinstance(element, dict):
                raise Malformed("an input is not an object")
            filled[name] = value_of(element)
    return filled
