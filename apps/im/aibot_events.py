"""What a WeCom AI bot receives, as our own verdicts: messages, clicks, events, polls.

Source: developer.work.weixin.qq.com, "接收消息" (100719), "接收事件" (101027), "被动回复消息"
(101031), "主动回复消息" (101138). The same functions read what a socket brings (101463).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.core import addresses, strictjson
from apps.core.http import HttpError
from apps.core.i18n import both
from apps.im import aibot_content, wecom_crypto
from apps.im.payload import id_at, list_at, object_at, optional_object, optional_text, text_at
from apps.im.shapes import Inbound, Received, accept, control, ignore
from apps.im.wecom_crypto import Refused, Stamps

PLATFORM = "wecom_aibot"
API_HOST = "qyapi.weixin.qq.com"
#: Selected values of one click; more are no form of ours.
MAX_SELECTED = 50
WELCOME = both(
    "你好！直接输入要做的事，或者输入“帮助”看看我会什么。",
    "Hello! Type what you need, or /help to see what I can do.",
)


@dataclass(frozen=True, slots=True)
class Origin:
    """How a body came: sealed in a callback with these stamps, or in a frame with this req_id."""

    stamps: Stamps | None = None
    req_id: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every body says: who, where, and the id by which it is known when it comes twice."""

    message_id: str
    sender_id: str
    chat_id: str
    group: bool
    extra: dict[str, Any] = field(default_factory=dict)


def read(
    config: Mapping[str, Any], body: Mapping[str, Any], origin: Origin, now: float
) -> Received:
    """The verdict on one genuine body. Raises `Refused` and `Malformed`."""
    ours, theirs = str(config.get("aibot_id") or ""), optional_text(body, "aibotid")
    if ours and theirs and ours != theirs:
        raise Refused("receive_id_mismatch")
    kind = text_at(body, "msgtype")
    if kind == "stream":
        nonce = origin.stamps.nonce if origin.stamps else ""
        return control({"stream_id": id_at(object_at(body, "stream"), "id"), "nonce": nonce})
    if kind == "event":
        return _event(config, body, origin, now)
    return _message(config, body, origin, now)


def _message(
    config: Mapping[str, Any], body: Mapping[str, Any], origin: Origin, now: float
) -> Received:
    content = aibot_content.read(body)
    if content is None:
        return ignore("unsupported_type", body="")
    envelope = _envelope(config, body, origin, now)
    stream = stream_id(config, envelope.message_id)
    extra = envelope.extra | {"stream_id": stream}
    quote = aibot_content.quoted(body)
    name = str(config.get("bot_name") or "")
    message = Inbound(
        platform=PLATFORM,
        kind=content.kind,
        sender_id=envelope.sender_id,
        chat_id=envelope.chat_id,
        chat_type="group" if envelope.group else "private",
        text=aibot_content.without_mention(content.text, name, group=envelope.group),
        message_id=envelope.message_id,
        dedupe_key=f"msg:{envelope.message_id}",
        # In a group the platform passes on nothing but what mentions the bot.
        mentions_bot=envelope.group,
        attachments=content.attachments,
        extra=extra | ({"quote": quote} if quote else {}),
    )
    if origin.stamps is None:
        return accept(message)
    # Nothing is known yet: an empty stream shows people that somebody is at work.
    answer = {"msgtype": "stream", "stream": {"id": stream, "finish": False, "content": ""}}
    return accept(message, response=sealed(config, answer, origin.stamps.nonce, now))


def _event(
    config: Mapping[str, Any], body: Mapping[str, Any], origin: Origin, now: float
) -> Received:
    event = object_at(body, "event")
    name = text_at(event, "eventtype")
    if name == "template_card_event":
        return accept(_click(config, body, event, origin, now), body="")
    if name not in {"enter_chat", "feedback_event"}:
        return ignore("unsupported_event", body="")
    envelope = _envelope(config, body, origin, now)
    feedback = optional_object(event, "feedback_event")
    message = Inbound(
        platform=PLATFORM,
        kind="event",
        sender_id=envelope.sender_id,
        chat_id=envelope.chat_id,
        chat_type="group" if envelope.group else "private",
        text="",
        message_id=envelope.message_id,
        dedupe_key=f"evt:{envelope.message_id}",
        mentions_bot=None,
        extra={"event": name} | ({"feedback": feedback} if feedback else {}),
    )
    if name == "enter_chat" and origin.stamps is not None:
        greeting = {"msgtype": "text", "text": {"content": welcome()}}
        return accept(message, response=sealed(config, greeting, origin.stamps.nonce, now))
    return accept(message, body="")  # an empty answer is all that the platform takes here


def welcome() -> str:
    """What somebody reads who opens the chat: in both languages, for nothing is known yet."""
    return f"{WELCOME.zh}\n{WELCOME.en}"


def _click(
    config: Mapping[str, Any],
    body: Mapping[str, Any],
    event: Mapping[str, Any],
    origin: Origin,
    now: float,
) -> Inbound:
    """A click on one of our cards; `event_key` is the token of the button.

    It has no stream: it is answered through its own `response_url`, or by a push.
    """
    envelope = _envelope(config, body, Origin(origin.stamps), now)
    card = object_at(event, "template_card_event")
    action = text_at(card, "event_key")
    values = _selected(card)
    extra = {
        "event": "template_card_event",
        "action": action,
        "value": action,
        "task_id": optional_text(card, "task_id"),
        "card_type": optional_text(card, "card_type"),
    }
    return Inbound(
        platform=PLATFORM,
        kind="form" if values else "card_action",
        sender_id=envelope.sender_id,
        chat_id=envelope.chat_id,
        chat_type="group" if envelope.group else "private",
        text="",
        message_id=envelope.message_id,
        dedupe_key=f"evt:{envelope.message_id}",
        mentions_bot=None,
        extra=envelope.extra | extra | ({"values": values} if values else {}),
    )


def _selected(card: Mapping[str, Any]) -> dict[str, str]:
    """What was chosen in the lists of a card: question to option, several joined by commas."""
    chosen: dict[str, str] = {}
    items = list_at(optional_object(card, "selected_items"), "selected_item")
    for item in items[:MAX_SELECTED]:
        if isinstance(item, dict):
            options = list_at(optional_object(item, "option_ids"), "option_id")
            texts = [option for option in options if isinstance(option, str)]
            chosen[id_at(item, "question_key")] = ",".join(texts)
    return chosen


def _envelope(
    config: Mapping[str, Any], body: Mapping[str, Any], origin: Origin, now: float
) -> Envelope:
    sender = object_at(body, "from")
    sender_id = id_at(sender, "userid")
    chat_type = optional_text(body, "chattype")
    group = chat_type == "group" or (not chat_type and body.get("chatid") is not None)
    extra: dict[str, Any] = {"arrived": now}
    if origin.req_id:
        extra["req_id"] = origin.req_id
    if corp := optional_text(sender, "corpid"):
        extra["corp_id"] = corp
    extra |= _response_url(config, body)
    # A private chat has no id of its own: it is the person's.
    chat_id = id_at(body, "chatid") if group else sender_id
    return Envelope(id_at(body, "msgid"), sender_id, chat_id, group, extra)


def _response_url(config: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The address for one later answer; one that leads elsewhere is dropped and noted."""
    url = optional_text(body, "response_url").strip()
    if not url:
        return {}
    if trusted(config, url) is None:
        return {"response_url": None, "response_url_rejected": True}
    return {"response_url": url}


def trusted(config: Mapping[str, Any], url: str, *hosts: str) -> bool | None:
    """May an address from a payload be called? None for no.

    True when it leads where the administrator's `api_base` does (then it may be private), False
    when it leads to the vendor's hosts, which are reached as any address from a payload.
    """
    try:
        target = addresses.parse(url)
        base = str(config.get("api_base") or "")
        if base:
            own = addresses.parse(base)
            if (own.scheme, own.authority) == (target.scheme, target.authority):
                return True
        addresses.check_payload(target, hosts or (API_HOST,))
    except HttpError:
        return None
    return False


def stream_id(config: Mapping[str, Any], message_id: str) -> str:
    """The id of the stream that answers a message: the same for its repeats, guessed by nobody."""
    key = _key(config)
    name = f"{config.get('aibot_id') or ''}\0{message_id}".encode("utf-8", "replace")
    return hmac.new(key, b"stream\0" + name, hashlib.sha256).hexdigest()[:40]


def sealed(
    config: Mapping[str, Any], answer: Mapping[str, Any], nonce: str, now: float
) -> dict[str, Any]:
    """An answer as the platform takes it; the same answer to the same callback seals the same."""
    plain = strictjson.dumps(answer).encode()
    prefix = hmac.new(
        _key(config), nonce.encode("utf-8", "replace") + b"\0" + plain, hashlib.sha256
    ).digest()[:16]
    stamp = int(now)
    made = wecom_crypto.seal(config, plain, "", timestamp=str(stamp), nonce=nonce, random=prefix)
    return {
        "encrypt": made.encrypt,
        "msgsignature": made.signature,
        "timestamp": stamp,
        "nonce": nonce,
    }


def _key(config: Mapping[str, Any]) -> bytes:
    secret = str(config.get("encoding_aes_key") or config.get("secret") or "")
    return hashlib.sha256(b"aibot\0" + secret.encode("utf-8", "replace")).digest()
