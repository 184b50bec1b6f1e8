"""Reads what DingTalk tells: messages to the robot, clicks on cards, people who left.

Fields as in open.dingtalk.com, "消息发送与接收类型", "事件回调" (interactive cards), "通讯录事件".
The same JSON comes over HTTP and in the frames of the long connection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.core import strictjson
from apps.im.dingtalk_hosts import REPLY_HOSTS, trust
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
from apps.im.shapes import Inbound
from apps.im.spaces import tidy

PLATFORM = "dingtalk"
CHAT_TYPES = {"1": "private", "2": "group"}
LEFT = "user_leave_org"
#: Download codes are longer than ids.
_MAX_CODE = 4000
_MAX_NAME = 200
_MAX_PEOPLE = 1000
_LATEST_MS = 2**53


@dataclass
class Content:
    """What one message holds."""

    kind: str
    text: str = ""
    attachments: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


def message(config: Mapping[str, Any], data: Mapping[str, Any]) -> Inbound | None:
    """A message to the robot; None for a type that we cannot use. Raises `Malformed`.

    `senderStaffId` is missing for people of other companies: nobody of ours may be taken for them.
    """
    reader = _READERS.get(text_at(data, "msgtype"))
    if reader is None:
        return None
    chat_type = CHAT_TYPES.get(text_at(data, "conversationType"))
    if chat_type is None:
        raise Malformed("conversationType is neither 1 nor 2")
    content = reader(data)
    staff_id, union = optional_text(data, "senderStaffId"), optional_text(data, "senderId")
    message_id = id_at(data, "msgId")
    return Inbound(
        platform=PLATFORM,
        kind=content.kind,
        sender_id=id_at(data, "senderStaffId" if staff_id else "senderId"),
        chat_id=id_at(data, "conversationId"),
        chat_type=chat_type,
        text=content.text,
        message_id=message_id,
        dedupe_key=f"msg:{message_id}",
        mentions_bot=chat_type == "group" and _addressed(data),
        attachments=content.attachments,
        extra=_sender(staff_id, union) | _reply_address(config, data) | _said(data) | content.extra,
        sender_name=_nick(data),
    )


def is_own(data: Mapping[str, Any]) -> bool:
    """Did the robot itself write this?"""
    sender = data.get("senderId")
    return bool(sender) and sender == data.get("chatbotUserId")


def click(data: Mapping[str, Any], event_id: str) -> Inbound:
    """A click on one of our cards. Raises `Malformed`.

    What a button gives back stands in `params`; over HTTP DingTalk may leave out where the card is.
    """
    private = optional_object(_json_at(data, "content"), "cardPrivateData")
    params = optional_object(private, "params")
    ids = [one for one in list_at(private, "actionIds") if isinstance(one, str)]
    action = params.get("action")
    person, space = id_at(data, "userId"), optional_text(data, "spaceId")
    in_group = optional_text(data, "spaceType").upper() == "IM_GROUP" or space.startswith("cid")
    return Inbound(
        platform=PLATFORM,
        kind="card_action",
        sender_id=person,
        chat_id=id_at(data, "spaceId") if space else None,
        chat_type="group" if in_group else "private" if space else None,
        text="",
        message_id=id_at(data, "outTrackId"),
        dedupe_key=event_id,
        mentions_bot=None,
        extra={
            "action": action if isinstance(action, str) else "",
            "action_id": ids[0] if ids else "",
            "value": params,
            "staff_id": person,
        },
    )


def left(data: Mapping[str, Any], event_id: str) -> Inbound:
    """People who left the company. Raises `Malformed`.

    `UserId` over HTTP, `userId` in the long connection. `sender_id` is the first of them, so that
    there is one; who they all are stands in `extra`.
    """
    people = list_at(data, "UserId") or list_at(data, "userId")
    if not 1 <= len(people) <= _MAX_PEOPLE:
        raise Malformed("nobody, or too many, left")
    ids = [id_at({"UserId": one}, "UserId") for one in people]
    return Inbound(
        platform=PLATFORM,
        kind="event",
        sender_id=ids[0],
        chat_id=None,
        chat_type=None,
        text="",
        message_id=None,
        dedupe_key=event_id,
        mentions_bot=None,
        extra={"event": LEFT, "user_ids": ids, "left": ids},
    )


def event_id(data: Mapping[str, Any]) -> str:
    """The key of an event: its id, or where there is none when it happened and to whom."""
    given = optional_text(data, "eventId")
    if given:
        return f"evt:{id_at(data, 'eventId')}"
    about = [data.get(k) for k in ("EventType", "TimeStamp", "CorpId", "UserId")]
    return "evt:" + hashlib.sha256(strictjson.dumps(about).encode()).hexdigest()


def _sender(staff_id: str, union: str) -> dict[str, Any]:
    known = {"sender_union": union[:_MAX_NAME]} if union else {}
    return known | ({"staff_id": staff_id} if staff_id else {"sender_is_external": True})


def _reply_address(config: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Where this message may be answered without a token, as long as it is DingTalk's own."""
    url = data.get("sessionWebhook")
    if not url:
        return {}
    if not isinstance(url, str) or trust(config, url, REPLY_HOSTS) is None:
        return {"reply_url": None, "reply_url_rejected": True}
    ends = data.get("sessionWebhookExpiredTime")
    whole = isinstance(ends, int) and not isinstance(ends, bool) and 0 <= ends < _LATEST_MS
    return {"reply_url": url, "reply_url_expires_ms": ends if whole else 0}


def _said(data: Mapping[str, Any]) -> dict[str, Any]:
    """Who else is mentioned, and what this message answers; both are merely told, never needed."""
    bot = data.get("chatbotUserId")
    others = [
        {"id": one["staffId"]}
        for one in _dicts(data.get("atUsers"))
        if one.get("dingtalkId") != bot and isinstance(one.get("staffId"), str)
    ]
    found: dict[str, Any] = {"mentions": others} if others else {}
    text = data.get("text")
    quoted = text.get("repliedMsg") if isinstance(text, dict) else None
    parent = quoted.get("msgId") if isinstance(quoted, dict) else None
    return found | ({"parent_id": parent} if isinstance(parent, str) else {})


def _addressed(data: Mapping[str, Any]) -> bool:
    bot = data.get("chatbotUserId")
    met = bool(bot) and any(one.get("dingtalkId") == bot for one in _dicts(data.get("atUsers")))
    return met or data.get("isInAtList") is True


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _nick(data: Mapping[str, Any]) -> str:
    nick = data.get("senderNick")
    return nick[:_MAX_NAME] if isinstance(nick, str) else ""


def _json_at(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object under `key`, which comes as one or as a string that holds one."""
    value = data.get(key)
    return parse_object(value) if isinstance(value, str) else object_at(data, key)


def _code(content: Mapping[str, Any], key: str = "downloadCode") -> str:
    value = text_at(content, key)
    if not 1 <= len(value) <= _MAX_CODE:
        raise Malformed(f"{key} has a wrong length")
    return value


def _duration(content: Mapping[str, Any]) -> dict[str, int]:
    """Milliseconds; now and then they come as a string."""
    value = content.get("duration")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return {}
    return {"duration_ms": value}


def _text(data: Mapping[str, Any]) -> Content:
    return Content("text", tidy(text_at(_json_at(data, "text"), "content")))


def _picture(data: Mapping[str, Any]) -> Content:
    content = _json_at(data, "content")
    return Content("image", attachments=[{"type": "image", "key": _code(content)}])


def _file(data: Mapping[str, Any]) -> Content:
    content = _json_at(data, "content")
    name = optional_text(content, "fileName")
    found = {"type": "file", "key": _code(content)} | ({"name": name} if name else {})
    return Content("file", attachments=[found])


def _video(data: Mapping[str, Any]) -> Content:
    content = _json_at(data, "content")
    found = {"type": "video", "key": _code(content)} | _duration(content)
    return Content("file", attachments=[found])


def _audio(data: Mapping[str, Any]) -> Content:
    content = _json_at(data, "content")
    found = {"type": "voice", "key": _code(content)} | _duration(content)
    return Content("voice", tidy(optional_text(content, "recognition")), [found])


def _rich_text(data: Mapping[str, Any]) -> Content:
    words: list[str] = []
    pictures: list[dict[str, Any]] = []
    for part in list_at(_json_at(data, "content"), "richText"):
        if not isinstance(part, dict):
            raise Malformed("a part of a rich text is no object")
        words.append(optional_text(part, "text"))
        if part.get("type") == "picture" or part.get("downloadCode"):
            pictures.append({"type": "image", "key": _code(part)})
    return Content("text", tidy("".join(words)), pictures, {"format": "richText"})


_READERS: dict[str, Callable[[Mapping[str, Any]], Content]] = {
    "text": _text,
    "richText": _rich_text,
    "picture": _picture,
    "file": _file,
    "video": _video,
    "audio": _audio,
}
