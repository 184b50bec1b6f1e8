"""What Slack sends: verified, then read. Events, slash commands and clicks share one signature.

Sources: docs.slack.dev, "Verifying requests from Slack" (the official verifier lets exactly 300 s
pass), "Events API", "Slash commands", "Handling user interaction". A socket brings the same
payloads in envelopes, and reads them by the same functions.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from apps.im import slack_content
from apps.im.payload import (
    Malformed,
    clock_fault,
    id_at,
    list_at,
    object_at,
    optional_object,
    optional_text,
    parse_object,
    same,
    text_at,
)
from apps.im.shapes import Inbound, InboundRequest, Received, accept, challenge, ignore
from apps.im.slack_blocks import BUTTON

PLATFORM = "slack"
MAX_SKEW_S = 300
_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 100
_MAX_ID = 64
_HEARD = frozenset({"", "file_share", "thread_broadcast"})
_SLACKBOT = "USLACKBOT"


class Refused(Exception):
    """The request is not what it claims to be; the argument is the reason's name."""

    @property
    def reason(self) -> str:
        """One of the declared reasons."""
        return str(self.args[0])


def signature(secret: str, stamp: str, body: bytes) -> str:
    """`v0=` and the hex HMAC-SHA256 of version, timestamp and raw body."""
    signed = b":".join((b"v0", stamp.encode("utf-8", "replace"), body))
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def verify(config: Mapping[str, Any], request: InboundRequest, now: float) -> None:
    """Raises `Refused` for a request that Slack did not sign just now."""
    stamp = request.header("x-slack-request-timestamp")
    given = request.header("x-slack-signature")
    if not (stamp and given):
        raise Refused("missing_signature")
    secret = str(config.get("signing_secret") or "")
    if not secret or not same(given, signature(secret, stamp, request.body)):
        raise Refused("bad_signature")
    fault = clock_fault(stamp, now, float(config.get("max_skew_s") or MAX_SKEW_S))
    if fault:
        raise Refused(fault)


def read(config: Mapping[str, Any], request: InboundRequest) -> Received:
    """Read a verified request, whichever of the addresses it came to. Raises `Malformed`."""
    if not request.header("content-type").lower().startswith(_FORM):
        return event(config, parse_object(request.body))
    form = parse_form(request.body)
    if form.get("ssl_check") == "1":
        return ignore("ssl_check", body="")
    if "payload" in form:
        return interaction(parse_object(form["payload"]))
    return command(config, form)


def envelope(config: Mapping[str, Any], kind: str, payload: Mapping[str, Any]) -> Received:
    """Read what came in an envelope of a socket. Raises `Malformed`."""
    match kind:
        case "events_api":
            return event(config, payload)
        case "slash_commands":
            return command(config, payload)
        case "interactive":
            return interaction(payload)
        case _:
            return ignore("unsupported_event")


def parse_form(body: bytes) -> dict[str, str]:
    """The fields of a form. Raises `Malformed` for what is no UTF-8 or says something twice."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError as error:
        raise Malformed("not a form") from error
    form = dict(pairs)
    if len(form) != len(pairs) or any("\0" in name + value for name, value in pairs):
        raise Malformed("a field twice, or a NUL")
    return form


def event(config: Mapping[str, Any], data: Mapping[str, Any]) -> Received:
    """Read what the Events API pushes. Raises `Malformed`."""
    match optional_text(data, "type"):
        case "url_verification":
            return challenge({"challenge": text_at(data, "challenge")})
        case "event_callback":
            inner = object_at(data, "event")
            if optional_text(inner, "type") in {"message", "app_mention"}:
                return _message(data, inner, _own_ids(config, data))
    return ignore("unsupported_event")


def _own_ids(config: Mapping[str, Any], data: Mapping[str, Any]) -> frozenset[str]:
    """By which ids the bot is mentioned; until it was asked, the event itself says it."""
    known = str(config.get("bot_user_id") or "")
    if known:
        return frozenset({known})
    granted = (one for one in list_at(data, "authorizations") if isinstance(one, dict))
    return frozenset(optional_text(one, "user_id") for one in granted if one.get("is_bot")) - {""}


def _message(data: Mapping[str, Any], inner: Mapping[str, Any], own: frozenset[str]) -> Received:
    subtype = optional_text(inner, "subtype")
    if inner.get("bot_id") or subtype == "bot_message":
        return ignore("from_bot")
    if subtype not in _HEARD:
        return ignore("unsupported_subtype")
    sender = id_at(inner, "user")
    if sender in own or sender == _SLACKBOT:
        return ignore("from_bot")
    said = slack_content.words(optional_text(inner, "text"), own)
    mentioned = said.mentions_bot or inner["type"] == "app_mention"
    chat, stamp = _required(inner, "channel"), _required(inner, "ts")
    chat_type = _chat_type(chat, optional_text(inner, "channel_type"))
    if chat_type == "group" and not mentioned:
        # Talk among people is none of our business, and is not even kept.
        return ignore("not_addressed")
    found = slack_content.files(inner)
    message = Inbound(
        platform=PLATFORM,
        kind="text" if said.text and found.kind != "voice" else found.kind,
        sender_id=sender,
        chat_id=chat,
        chat_type=chat_type,
        text="\n".join(part for part in (said.text, found.transcript) if part),
        message_id=stamp,
        dedupe_key=f"evt:{id_at(data, 'event_id')}",
        # A mention in a channel comes twice, as two events of the same message.
        second_key=f"msg:{chat}:{stamp}",
        mentions_bot=mentioned,
        attachments=found.attachments,
        extra=_origin(data, inner) | ({"links": said.links} if said.links else {}),
    )
    return accept(message)


def _id(data: Mapping[str, Any], key: str) -> str:
    """An id of Slack's, "" when there is none; two of them together make a key of ours."""
    found = optional_text(data, key)
    if len(found) > _MAX_ID:
        raise Malformed(f"{key} is too long")
    return found


def _required(data: Mapping[str, Any], key: str) -> str:
    if not (found := _id(data, key)):
        raise Malformed(f"{key} is missing")
    return found


def _chat_type(chat: str, named: str = "") -> str:
    private = named == "im" if named else chat.startswith("D")
    return "private" if private else "group"


def _origin(data: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    names = {name: optional_text(data, name) for name in ("team_id", "event_id")}
    names |= {name: optional_text(inner, name) for name in ("thread_ts", "client_msg_id")}
    return {name: value for name, value in names.items() if value}


def command(config: Mapping[str, Any], form: Mapping[str, Any]) -> Received:
    """Read a slash command; it is answered with nothing. Raises `Malformed`."""
    name, chat, sender = id_at(form, "command"), id_at(form, "channel_id"), id_at(form, "user_id")
    own = frozenset({str(config.get("bot_user_id") or "")}) - {""}
    said = slack_content.words(optional_text(form, "text"), own).text
    trigger = id_at(form, "trigger_id")
    extra = {"command": name, "args": said, "asker": sender, "trigger_id": trigger}
    for more in ("response_url", "team_id"):
        if optional_text(form, more):
            extra[more] = form[more]
    message = Inbound(
        platform=PLATFORM,
        kind="command",
        sender_id=sender,
        chat_id=chat,
        chat_type=_chat_type(chat),
        text=f"{name} {said}".strip(),
        message_id=None,  # people see no message of it
        dedupe_key=f"trg:{trigger}",
        mentions_bot=True,
        extra=extra,
        sender_name=optional_text(form, "user_name")[:200],
    )
    return accept(message, body="")


def interaction(data: Mapping[str, Any]) -> Received:
    """Read a click or a form that was sent. Raises `Malformed`."""
    match optional_text(data, "type"):
        case "block_actions":
            return accept(_click(data), body="")
        case "view_submission":
            return accept(_submission(data), body="")
        case _:  # shortcuts, closed views, questions for options: nothing of ours
            return ignore("unsupported_event", body="")


def _click(data: Mapping[str, Any]) -> Inbound:
    actions = list_at(data, "actions")
    if len(actions) != 1 or not isinstance(actions[0], dict):
        raise Malformed("not one action")
    action, container = actions[0], optional_object(data, "container")
    action_id, value = text_at(action, "action_id"), slack_content.value_of(action)
    filled = slack_content.values(optional_object(data, "state"))
    # A form has its own button; others that stand beside it send nothing but themselves.
    form = bool(filled) and not action_id.startswith(f"{BUTTON}:")
    chat = _id(optional_object(data, "channel"), "id") or _id(container, "channel_id")
    thread = _id(container, "thread_ts") or _id(optional_object(data, "message"), "thread_ts")
    extra: dict[str, Any] = {"action_id": action_id, "action": value, "value": value}
    extra |= {"thread_ts": thread} if thread else {}
    return _act(
        data,
        kind="form" if form else "card_action",
        chat=chat,
        message_id=_id(container, "message_ts") or _id(container, "view_id"),
        extra=extra | ({"values": filled} if form else {}),
    )


def _submission(data: Mapping[str, Any]) -> Inbound:
    view = object_at(data, "view")
    extra = {
        "callback_id": optional_text(view, "callback_id"),
        "action": optional_text(view, "private_metadata"),
        "values": slack_content.values(optional_object(view, "state")),
    }
    return _act(data, kind="form", chat="", message_id=_id(view, "id"), extra=extra)


def _act(
    data: Mapping[str, Any], *, kind: str, chat: str, message_id: str, extra: dict[str, Any]
) -> Inbound:
    for name in ("response_url", "trigger_id"):
        if optional_text(data, name):
            extra[name] = data[name]
    return Inbound(
        platform=PLATFORM,
        kind=kind,
        sender_id=id_at(object_at(data, "user"), "id"),
        chat_id=chat or None,
        chat_type=_chat_type(chat) if chat else None,
        text="",
        message_id=message_id or None,
        dedupe_key=f"trg:{id_at(data, 'trigger_id')}",
        mentions_bot=None,
        extra=extra,
    )
