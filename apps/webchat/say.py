"""What a page sends becomes a message of the person's own conversation."""

from __future__ import annotations

import re
from typing import Any

from apps.accounts.models import Person
from apps.assistant import conversations, inbox
from apps.assistant.models import Message
from apps.core import push
from apps.core.errors import ClawdbotError
from apps.core.i18n import both
from apps.webchat import feed

MAX_CHARS = 10_000
_FORM = both("格式不对", "it has the wrong form")
_EMPTY = both("内容为空", "it is empty")
_LONG = both("超过 {most} 个字符", "it is longer than {most} characters")
_NO_BUTTON = both("卡片上没有这个按钮", "the card has no such button")
CLIENT_ID = re.compile(r"[0-9A-Za-z-]{8,64}")


class UnusableMessage(ClawdbotError):
    """This message cannot be sent: {why}."""

    code = "unusable_message"
    zh = "这条消息无法发送:{why}。"
    http_status = 400
    permanent = True


def said(person: Person, body: Any) -> Message:
    """Store what the page sent, once for each client id:
    ``{"text", "client_id", "delivery"?, "values"?}``.

    With ``delivery`` the text is the command of a button of that card, with ``values`` (texts by
    name) the button of its form. Raises ``UnusableMessage``.
    """
    text, client_id, delivery = _parts(body)
    kind: str = "text"
    extra: dict[str, Any] = {}
    if delivery is not None:
        kind, extra = _clicked(person, delivery, text, body.get("values"))
    message = inbox.ask(person, text, client_id=client_id, kind=kind, extra=extra)
    # Other open pages of this person show it too.
    push.push(message.conversation_id, {"type": "message", "id": message.pk})
    return message


def _clicked(person: Person, delivery: int, cmd: str, values: Any) -> tuple[str, dict[str, Any]]:
    token = feed.button_token(conversations.own(person).pk, delivery, cmd)
    if not token:
        raise UnusableMessage(why=_NO_BUTTON)
    if values is None:
        return "card_action", {"action": token}
    if not isinstance(values, dict) or not all(isinstance(one, str) for one in values.values()):
        raise UnusableMessage(why=_FORM)
    if sum(map(len, values.values())) > MAX_CHARS:
        raise UnusableMessage(why=_LONG.format(most=MAX_CHARS))
    return "form", {"action": token, "values": values}


def _parts(body: Any) -> tuple[str, str, int | None]:
    if not isinstance(body, dict):
        raise UnusableMessage(why=_FORM)
    text, client_id, delivery = body.get("text"), body.get("client_id"), body.get("delivery")
    if not isinstance(text, str) or not isinstance(client_id, str):
        raise UnusableMessage(why=_FORM)
    if not CLIENT_ID.fullmatch(client_id) or not (delivery is None or type(delivery) is int):
        raise UnusableMessage(why=_FORM)
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise UnusableMessage(why=_EMPTY)
    if len(text) > MAX_CHARS:
        raise UnusableMessage(why=_LONG.format(most=MAX_CHARS))
    return text, client_id, delivery
