"""Opens what a homeserver sends to an application service, and reads its events.

Sources: Matrix application service API 1.16. A homeserver repeats a transaction until it is taken,
before it sends anything else; so what some person put into an event is never a reason to refuse
the transaction that holds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

import structlog

from apps.core import strictjson
from apps.im import matrix_content
from apps.im.payload import (
    MAX_ID,
    Malformed,
    list_at,
    optional_object,
    parse_object,
    same,
    text_at,
)
from apps.im.shapes import Inbound, InboundRequest

log = structlog.get_logger(__name__)
#: For so many seconds a transaction with an event that is no trusted JSON is refused as malformed;
#: if it was only damaged on its way, the repeat brings it whole.
FRESH_S = 10.0
_OWN_PATH = re.compile(r"^/webhooks/[^/]+/[^/]+(?=/)")
_ROUTE = re.compile(r"^(?:/_matrix/app/v1)?/(?:(transactions|users|rooms)/(.+)|(ping))$")
_METHODS = {"transactions": "PUT", "users": "GET", "rooms": "GET", "ping": "POST"}
#: The events beside messages that the bot acts on.
INVITE, MEMBERS, ENCRYPTED = "invite", "members", "encrypted"


class Refused(Exception):
    """Not from our homeserver; `reason` is one of the golden cases' words."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class Read:
    """One event: the message in it, or why there is none."""

    message: Inbound | None = None
    reason: str = ""


def authorize(config: Mapping[str, Any], request: InboundRequest) -> None:
    """Compare the homeserver's token; older servers put it into the query. Raises `Refused`."""
    scheme, _, token = request.header("authorization").partition(" ")
    if scheme.lower() != "bearer":
        token = request.query.get("access_token", "")
    if not token.strip():
        raise Refused("missing_signature")
    if not same(token.strip(), str(config.get("hs_token") or "")):
        raise Refused("bad_signature")


def route(request: InboundRequest) -> tuple[str, str]:
    """What is asked (`transactions`, `users`, `rooms`, `ping`) and of what; "" for nothing known.

    The legacy paths without `/_matrix/app/v1` mean the same.
    """
    found = _ROUTE.match(_OWN_PATH.sub("", request.path))
    if found is None:
        return "", ""
    what = found[1] or found[3]
    return (what, unquote(found[2] or "")) if _METHODS[what] == request.method else ("", "")


def transaction(body: bytes, now: float) -> list[dict[str, Any]]:
    """The events of a transaction. Raises `Malformed`."""
    try:
        events = list_at(parse_object(body), "events")
    except Malformed:
        events = _readable(body, now)
    if not all(isinstance(event, dict) for event in events):
        raise Malformed("an event is not an object")
    return events


def _readable(body: bytes, now: float) -> list[Any]:
    """The events that are trusted JSON, of a transaction with some that are not.

    Everybody in a room can send a NUL or a hundred levels. Raises `Malformed` while such an event
    is fresh, and when the fault lies outside of the events.
    """
    try:
        data = json.loads(body.decode())
        events = list_at(data, "events") if isinstance(data, dict) else []
        trusted = [event for event in events if is_trusted(event)]
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if len(trusted) == len(events) or any(_is_fresh(e, now) for e in events if e not in trusted):
        raise Malformed("not trusted JSON")
    return trusted


def is_trusted(event: Any) -> bool:
    """May it be stored: no NUL, no lone surrogate, not too deep?"""
    try:
        strictjson.loads(json.dumps(event, ensure_ascii=False))
    except (ValueError, RecursionError):
        return False
    return True


def _is_fresh(event: Any, now: float) -> bool:
    sent = event.get("origin_server_ts") if isinstance(event, dict) else None
    return not isinstance(sent, int) or abs(now - sent / 1000) <= FRESH_S


def read(event: Mapping[str, Any], bot: str, platform: str) -> Read:
    """Read one event; `bot` is our own Matrix id.

    Raises `Malformed` only for what the homeserver itself writes.
    """
    origin = _origin(event, platform)
    kind, content = text_at(event, "type"), optional_object(event, "content")
    if origin.sender_id == bot:
        return Read(reason="from_bot")
    if any(len(text_at(event, name)) > MAX_ID for name in ("sender", "room_id", "event_id")):
        return Read(reason="unsupported_event")  # no room for such a name in our tables
    if "state_key" in event:
        extra = _change(event, kind, content, bot)
        found = replace(origin, extra=extra, mentions_bot=None)
        return Read(found) if extra else Read(reason="unsupported_event")
    if kind != "m.room.message":
        return Read(reason="unsupported_event")
    return _message(origin, content, bot)


def read_all(events: Iterable[Any], bot: str, platform: str) -> Iterator[Inbound]:
    """The messages in what a homeserver was asked for; what cannot be read is passed over."""
    for event in events:
        if not isinstance(event, dict) or not is_trusted(event):
            continue
        try:
            found = read(event, bot, platform)
        except Malformed as error:
            log.warning("matrix.bad_event", error=str(error))
            continue
        if found.message is not None:
            yield found.message


def _origin(event: Mapping[str, Any], platform: str) -> Inbound:
    """What every event has. How many people are in the room no event says."""
    names = {name: text_at(event, name) for name in ("event_id", "sender", "room_id")}
    if not all(names.values()):
        raise Malformed("an event without its names")
    return Inbound(
        platform=platform,
        kind="event",
        sender_id=names["sender"],
        chat_id=names["room_id"],
        chat_type=None,
        text="",
        message_id=names["event_id"],
        dedupe_key=f"evt:{names['event_id']}",
        second_key=f"msg:{names['event_id']}",
    )


def _message(origin: Inbound, content: Mapping[str, Any], bot: str) -> Read:
    if matrix_content.is_edit(content):
        return Read(reason="edited")
    if content.get("msgtype") == "m.notice":
        return Read(reason="from_bot")  # bots speak in notices, so that no bot answers a bot
    try:
        found = matrix_content.read(content, bot)
    except Malformed:
        found = None  # some person's client wrote that, and a repeat would not mend it
    if found is None:
        return Read(reason="unsupported_type")
    return Read(
        replace(
            origin,
            kind=found.kind,
            text=found.text,
            mentions_bot=found.mentions_bot,
            attachments=found.attachments,
            extra=found.extra,
        )
    )


def _change(
    event: Mapping[str, Any], kind: str, content: Mapping[str, Any], bot: str
) -> dict[str, Any]:
    """What changed in the room that matters to us: who is in it, whether we can read it."""
    if kind == "m.room.encryption":
        return {"event": ENCRYPTED}
    if kind != "m.room.member":
        return {}
    after = content.get("membership")
    if event.get("state_key") == bot and after == "invite":
        return {"event": INVITE, "is_direct": content.get("is_direct") is True}
    # The same again is a new name or picture.
    return {} if _before(event).get("membership") == after else {"event": MEMBERS}


def brings(event: Mapping[str, Any], person: str) -> bool:
    """Is it by this event that somebody came into the room?"""
    about = event.get("type") == "m.room.member" and event.get("state_key") == person
    return about and _membership(event) == "join" != _before(event).get("membership")


def invites(event: Mapping[str, Any], person: str) -> bool:
    """Is somebody invited by this event?"""
    about = event.get("type") == "m.room.member" and event.get("state_key") == person
    return about and _membership(event) == "invite"


def _membership(event: Mapping[str, Any]) -> Any:
    content = event.get("content")
    return content.get("membership") if isinstance(content, dict) else None


def _before(event: Mapping[str, Any]) -> Mapping[str, Any]:
    unsigned = event.get("unsigned")
    before = unsigned.get("prev_content") if isinstance(unsigned, dict) else None
    return before if isinstance(before, dict) else {}
