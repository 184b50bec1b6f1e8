"""Your own system: signed JSON in, signed JSON out, by the Standard Webhooks convention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from apps.core import clock, strictjson
from apps.core.i18n import Text, both
from apps.im import standard_webhooks, webhook_files
from apps.im.base import (
    Abilities,
    Check,
    DeliveryError,
    Inbound,
    InboundRequest,
    Later,
    Media,
    Outgoing,
    Permanent,
    Platform,
    Received,
    SendContext,
    Sent,
    Setting,
    accept,
    reject,
)
from apps.im.calls import Reply, call
from apps.im.cards import Card, to_text
from apps.im.cards import Text as Paragraph
from apps.im.payload import (
    MAX_ID,
    Malformed,
    clock_fault,
    id_at,
    object_at,
    optional_text,
    parse_object,
    text_at,
)

MAX_SKEW_S = 300
#: Answers after which nobody needs to try again: the receiver will not take this message.
FOR_GOOD = frozenset({400, 405, 410, 411, 413, 414, 415, 422})

_BAD_SECRET = both(
    "secret 应为 whsec_ 加上 24 到 64 字节的 base64",
    "secret must be whsec_ and base64 of 24 to 64 bytes",
)
_OK = both("正常", "fine")
_NO_ANSWER = both("{url} 没有应答：{why}", "{url} gives no answer: {why}")


class Webhook(Platform):
    """Any system that can sign and check an HMAC."""

    name = "webhook"
    labels = both("自有系统", "Your own system")
    abilities = Abilities(
        edits=True, buttons=True, forms=True, fetches=True, idempotency=float("inf")
    )
    settings: ClassVar = (
        Setting(
            "secret",
            both("签名密钥", "Signing secret"),
            secret=True,
            required=True,
            help=both(
                "whsec_ 加上 base64，双向共用。", "whsec_ and base64; used in both directions."
            ),
        ),
        Setting(
            "reply_url",
            both("回复发往的地址", "Where answers are posted"),
            required=True,
            kind="url",
        ),
        Setting(
            "max_skew_s",
            both("时间戳允许的偏差（秒）", "Clock window (seconds)"),
            kind="int",
            default=MAX_SKEW_S,
            high=86400,
        ),
    )
    steps = both(
        "1. 生成密钥：whsec_ 加上 32 个随机字节的 base64，两边各存一份。\n"
        "2. 把带签名的 JSON 发到本页的地址，答复会带签名发到 reply_url。",
        "1. Make a secret: whsec_ and base64 of 32 random bytes, kept on both sides.\n"
        "2. Post signed JSON to this address; answers are posted, signed, to reply_url.",
    )

    def judge(self, config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
        """Verify and read one message."""
        event_id = request.header("webhook-id")
        stamp = request.header("webhook-timestamp")
        given = request.header("webhook-signature")
        if not (event_id and stamp and given):
            return reject("missing_signature")
        try:
            key = standard_webhooks.key_of(str(config.get("secret") or ""))
        except standard_webhooks.BadSecret:
            return reject("bad_signature")
        if not standard_webhooks.verify(key, event_id, stamp, request.body, given):
            return reject("bad_signature")
        fault = clock_fault(stamp, now, float(config.get("max_skew_s") or MAX_SKEW_S))
        if fault:
            return reject(fault)
        try:
            message = _read(event_id, request.body, str(config.get("reply_url") or ""))
        except Malformed:
            return reject("malformed")
        answer = {"status": "accepted", "message_id": message.message_id}
        return accept(message, response=answer, http_status=202)

    def can_enable(self, config: Mapping[str, Any]) -> list[Text]:
        """A secret that is no key signs nothing."""
        try:
            standard_webhooks.key_of(str(config.get("secret") or ""))
        except standard_webhooks.BadSecret:
            return [_BAD_SECRET]
        return []

    async def send(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Post `message.created`; the delivery's key is its id on every attempt."""
        await _post(ctx, out, "message.created", out.key)
        if out.revision:
            # Whoever took an earlier attempt has an older revision and passes over this one.
            await _post(ctx, out, "message.updated", f"{out.key}-r{out.revision}")
        return Sent(out.key)

    async def update(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Post `message.updated` under the same id; each revision is an event of its own."""
        await _post(ctx, out, "message.updated", f"{out.key}-r{out.revision}")
        return Sent(out.platform_message_id)

    async def fetch(self, ctx: SendContext, attachment: Mapping[str, Any], limit: int) -> Media:
        """What came in the body, or lies beside reply_url."""
        return await webhook_files.fetch(ctx, attachment, limit)

    async def check(self, ctx: SendContext) -> list[Check]:
        """Is the secret a key, and does anything answer at reply_url? Posts nothing."""
        problems = self.can_enable(ctx.config)
        found = [Check("secret", not problems, problems[0] if problems else _OK)]
        url = str(ctx.config.get("reply_url") or "")
        try:
            await call(ctx.door, "HEAD", url)
        except DeliveryError as error:
            text = _NO_ANSWER.format(url=url, why=str(error))
            return [*found, Check("reply_url", False, text)]
        return [*found, Check("reply_url", True, _OK)]


def _read(event_id: str, body: bytes, reply_url: str) -> Inbound:
    """The message in a body; other keys than the declared ones are allowed.

    With `action` it is a click: that is the token of the button, and `values` are what was filled
    into a form's inputs, by name.
    """
    if len(event_id) > MAX_ID or "\0" in event_id:
        raise Malformed("webhook-id has a wrong length or a NUL")
    data = parse_object(body)
    sender, conversation = object_at(data, "sender"), object_at(data, "conversation")
    message_id = id_at(data, "id")
    chat_type = text_at(conversation, "type")
    if chat_type not in {"private", "group"}:
        raise Malformed("conversation.type is neither private nor group")
    name = optional_text(sender, "name")
    if len(name) > MAX_ID:
        raise Malformed("sender.name has a wrong length")
    kind, extra = _clicked(data)
    text, attachments = ("", []) if extra else _said(data, reply_url)
    return Inbound(
        platform=Webhook.name,
        kind=kind if extra else webhook_files.kind_of(text, attachments),
        sender_id=id_at(sender, "id"),
        chat_id=id_at(conversation, "id"),
        chat_type=chat_type,
        text=text,
        attachments=attachments,
        message_id=message_id,
        dedupe_key=f"evt:{event_id}",
        second_key=f"msg:{message_id}",
        # Whoever runs this bot passes on only what is meant for it.
        mentions_bot=chat_type == "group",
        sender_name=name,
        extra=extra,
    )


def _said(data: Mapping[str, Any], reply_url: str) -> tuple[str, list[dict[str, Any]]]:
    """The text and the attachments; with those there may be no text. Raises `Malformed`."""
    attachments = webhook_files.read(data, reply_url)
    return (optional_text if attachments else text_at)(data, "text").strip(), attachments


def _clicked(data: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The kind of a message, and what a click brings. Raises `Malformed`."""
    action = optional_text(data, "action")
    if not action:
        return "text", {}
    if data.get("values") is None:
        return "card_action", {"action": action}
    values = object_at(data, "values")
    return "form", {"action": action, "values": {name: text_at(values, name) for name in values}}


async def _post(ctx: SendContext, out: Outgoing, kind: str, event_id: str) -> None:
    card = _naming(out.shown(), out)
    body = strictjson.dumps(
        {
            "id": out.key,
            "type": kind,
            "role": out.role,
            "in_reply_to": out.in_reply_to or None,
            "conversation": {"id": out.private_to or out.chat_id, "type": _chat_type(out)},
            "text": to_text(card, out.language),
            "card": card.to_json(),
            **webhook_files.shown(out.links),
        }
    ).encode()
    stamp = str(int(clock.timestamp()))
    try:
        key = standard_webhooks.key_of(str(ctx.config.get("secret") or ""))
    except standard_webhooks.BadSecret as error:
        raise Later(f"the secret is no key: {error}", delay_s=60) from error
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": stamp,
        "webhook-signature": standard_webhooks.sign(key, event_id, stamp, body),
    }
    _check(await call(ctx.door, "POST", str(ctx.config["reply_url"]), data=body, headers=headers))


def _naming(card: Card, out: Outgoing) -> Card:
    """Whoever should be alerted is named, as far as words go."""
    if not out.mention:
        return card
    return replace(card, blocks=(Paragraph(f"@{out.mention_name or out.mention}"), *card.blocks))


def _chat_type(out: Outgoing) -> str:
    return "private" if out.private_to else out.chat_type


def _check(reply: Reply) -> None:
    """2xx means taken; everything that may pass by itself is tried again."""
    if 200 <= reply.status < 300:
        return
    why = f"HTTP {reply.status}"
    if reply.status in FOR_GOOD:
        raise Permanent(why, vendor_code=str(reply.status))
    raise Later(why, delay_s=reply.seconds("retry-after"), vendor_code=str(reply.status))
