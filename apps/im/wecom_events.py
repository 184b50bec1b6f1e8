"""Turns what WeCom pushes to a self-built app into our own words.

Sources: developer.work.weixin.qq.com, "接收消息格式" (path 96466 and 90239) and "事件格式" (96468).
An app is written to by one person at a time: there are no groups, and nobody mentions it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from apps.im.payload import MAX_ID, Malformed, same
from apps.im.shapes import Inbound, InboundRequest, Received, accept, challenge, ignore
from apps.im.spaces import tidy
from apps.im.wecom_crypto import Refused, open_sealed, parameters, stamps
from apps.im.wecom_xml import Element, ForbiddenDtd, parse

PLATFORM = "wecom"
CLICKS = frozenset({"template_card_event", "template_card_menu_event"})
#: Events that a person causes and that say something; the others (places, contacts, links that
#: were followed) are answered and forgotten.
EVENTS = frozenset({"enter_agent", "subscribe", "unsubscribe", "click"}) | CLICKS
FORMS = frozenset({"multiple_interaction", "vote_interaction"})
#: Answered as nothing: what there is to say is sent by the API.
NOTHING = ""
_NUMBER = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,15})?")

Read = tuple[str, str, list[dict[str, Any]], dict[str, Any]]


def judge(config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
    """Verify and read one request. Raises `Refused` and `Malformed`."""
    try:
        if request.method == "GET":
            return _address_check(config, request, now)
        return _message(open_push(config, request, now))
    except ForbiddenDtd as error:
        raise Refused("forbidden_dtd") from error


def open_push(config: Mapping[str, Any], request: InboundRequest, now: float) -> Element:
    """The inner document of a push, once it is known to be genuine.

    The envelope is read before the signature can be checked, because what is signed is inside it.
    """
    stamped = stamps(parameters(request))
    outer = parse(request.body)
    encrypt = outer.text_of("Encrypt").strip()
    corp_id = str(config.get("corp_id") or "")
    inner = parse(open_sealed(config, stamped, encrypt, corp_id, now))
    _same_addressee(outer, inner, str(config.get("agent_id") or ""))
    return inner


def _same_addressee(outer: Element, inner: Element, agent_id: str) -> None:
    """What the unsigned envelope says must be what the sealed message says, and mean us."""
    claimed, corp = outer.optional("ToUserName").strip(), inner.text_of("ToUserName").strip()
    if claimed and not same(claimed, corp):
        raise Refused("receive_id_mismatch")
    agent = inner.optional("AgentID").strip()
    if agent and any(
        other and other != agent for other in (outer.optional("AgentID").strip(), agent_id)
    ):
        raise Refused("receive_id_mismatch")


def _address_check(config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
    query = parameters(request)
    stamped, echo = stamps(query), query.get("echostr", "")
    if not echo:
        raise Malformed("no echostr")
    plain = open_sealed(config, stamped, echo, str(config.get("corp_id") or ""), now)
    try:
        text = plain.decode()
    except UnicodeDecodeError as error:
        raise Malformed("echostr holds no text") from error
    return challenge({"text": text}, body=text)


def _message(inner: Element) -> Received:
    kind = inner.text_of("MsgType").strip()
    if kind == "event":
        return _event(inner)
    reader = _READERS.get(kind)
    if reader is None:
        return ignore("unsupported_type", body=NOTHING)
    kind, text, attachments, extra = reader(inner)
    message_id, sender = inner.id_of("MsgId"), inner.id_of("FromUserName")
    return accept(
        Inbound(
            platform=PLATFORM,
            kind=kind,
            sender_id=sender,
            chat_id=sender,
            chat_type="private",
            text=text,
            message_id=message_id,
            dedupe_key=f"msg:{message_id}",
            mentions_bot=False,
            attachments=attachments,
            extra=extra,
        ),
        body=NOTHING,
    )


def _event(inner: Element) -> Received:
    """An event has no id: who, when and what make one."""
    event = inner.id_of("Event")
    if event not in EVENTS:
        return ignore("unsupported_event", body=NOTHING)
    sender, moment = inner.id_of("FromUserName"), inner.id_of("CreateTime")
    key, task = inner.optional("EventKey").strip(), inner.optional("TaskId").strip()
    kind, extra = _click(inner, event, key, task) if event in CLICKS else _plain(event, key)
    return accept(
        Inbound(
            platform=PLATFORM,
            kind=kind,
            sender_id=sender,
            chat_id=sender,
            chat_type="private",
            text="",
            message_id=None,
            dedupe_key=_name(sender, moment, event, key, task),
            mentions_bot=None,
            extra=extra,
        ),
        body=NOTHING,
    )


def _name(*parts: str) -> str:
    """The parts in one word, which the inbox has room for."""
    name = ":".join(("ev", *parts))
    return name if len(name) <= MAX_ID else f"ev:{hashlib.sha256(name.encode()).hexdigest()}"


def _plain(event: str, key: str) -> tuple[str, dict[str, Any]]:
    return "event", {"event": event} | ({"event_key": key} if key else {})


def _click(inner: Element, event: str, key: str, task: str) -> tuple[str, dict[str, Any]]:
    """A click on one of our cards: `response_code` lets the card be changed once more."""
    if len(key) > 1024 or len(task) > MAX_ID:
        raise Malformed("EventKey or TaskId is too long")
    card_type, code = inner.optional("CardType").strip(), inner.optional("ResponseCode").strip()
    values = _selected(inner)
    extra: dict[str, Any] = {"event": event, "action": key, "value": key, "task_id": task}
    extra |= {"card_type": card_type} if card_type else {}
    extra |= {"response_code": code} if code else {}
    if not (values or card_type in FORMS):
        return "card_action", extra
    return "form", extra | {"values": values}


def _selected(inner: Element) -> dict[str, str]:
    """What was picked, by question; several options of one question are joined by commas."""
    chosen: dict[str, str] = {}
    items = inner.first("SelectedItems")
    for item in items.all("SelectedItem") if items else ():
        options = item.first("OptionIds")
        picked = [one.text.strip() for one in options.all("OptionId")] if options else []
        chosen[item.id_of("QuestionKey")] = ",".join(picked)
    return chosen


def _text(inner: Element) -> Read:
    return "text", tidy(inner.text_of("Content")), [], {}


def _image(inner: Element) -> Read:
    picture = {"type": "image", "key": inner.id_of("MediaId")}
    url = inner.optional("PicUrl").strip()
    return "image", "", [picture | ({"url": url} if url else {})], {}


def _voice(inner: Element) -> Read:
    sound = inner.optional("Format").strip().lower()
    voice = {"type": "voice", "key": inner.id_of("MediaId")}
    return "voice", "", [voice | ({"mime": f"audio/{sound}"} if sound else {})], {}


def _video(inner: Element) -> Read:
    return "file", "", [{"type": "video", "key": inner.id_of("MediaId")}], {}


def _file(inner: Element) -> Read:
    """Not among the documented types today; apps that are shared between companies get it."""
    name = inner.optional("FileName").strip() or inner.optional("Title").strip()
    named = {"name": name} if name else {}
    return "file", "", [{"type": "file", "key": inner.id_of("MediaId")} | named], {}


def _location(inner: Element) -> Read:
    place = {"lat": _degrees(inner, "Location_X"), "lon": _degrees(inner, "Location_Y")}
    return "location", tidy(inner.optional("Label")), [], place


def _link(inner: Element) -> Read:
    parts = [inner.optional(name) for name in ("Title", "Description", "Url")]
    url = parts[-1].strip()
    text = tidy("\n".join(part for part in parts if part.strip()))
    return "text", text, [], {"links": [url]} if url else {}


def _degrees(inner: Element, name: str) -> float:
    text = inner.text_of(name).strip()
    if not _NUMBER.fullmatch(text):
        raise Malformed(f"{name} is no number")
    return float(text)


_READERS: dict[str, Callable[[Element], Read]] = {
    "text": _text,
    "image": _image,
    "voice": _voice,
    "video": _video,
    "file": _file,
    "location": _location,
    "link": _link,
}
