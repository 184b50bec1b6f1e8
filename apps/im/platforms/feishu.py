"""Feishu (飞书) and Lark: events by webhook, answers as cards that are edited in place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote

import structlog

from apps.core.i18n import Text, both
from apps.im import (
    cards,
    feishu_api,
    feishu_card,
    feishu_checks,
    feishu_content,
    feishu_events,
    feishu_files,
    feishu_stream,
)
from apps.im.base import (
    Abilities,
    Check,
    DeliveryError,
    Inbound,
    InboundRequest,
    Later,
    Link,
    Media,
    Outgoing,
    Platform,
    Received,
    SendContext,
    Sent,
    Setting,
    UnknownOutcome,
    accept,
    challenge,
    ignore,
    reject,
)
from apps.im.feishu_api import ContentRefused, TargetGone
from apps.im.fitting import fit, split
from apps.im.payload import (
    Malformed,
    id_at,
    object_at,
    optional_object,
    optional_text,
    text_at,
)

MESSAGES = "/open-apis/im/v1/messages"
GROUPS = frozenset({"group", "topic_group"})
MAX_UUID = 50

_OK = both("正常", "fine")
_MISSING = both("缺少 {name}", "{name} is missing")
_NO_KEY = both(
    "缺少 encrypt_key：没有它就无法核实收到的事件，请在开发者后台的加密策略里设置",
    "encrypt_key is missing: without it received events cannot be verified; set it in the "
    "developer console under Encryption strategy",
)
_AWAY = both("现在连不上飞书：{why}", "Feishu cannot be reached now: {why}")
_REFUSED = both(
    "取不到访问令牌，请核对 app_id 和 app_secret：{why}",
    "no access token; compare app_id and app_secret: {why}",
)
_NO_BOT = both(
    "查不到机器人，请给应用添加“机器人”能力并发布版本：{why}",
    "no bot; add the Bot ability to the app and publish a version: {why}",
)
_OTHER_BOT = both(
    "bot_open_id 与飞书给出的 {open_id} 不同，请改正或留空",
    "bot_open_id differs from Feishu's {open_id}; correct it or leave it empty",
)
log = structlog.get_logger(__name__)


class Feishu(Platform):
    """A self-built app with the bot ability."""

    name = "feishu"
    labels = both("飞书", "Feishu / Lark")
    api_base = "https://open.feishu.cn"
    connections = ("webhook", "stream")
    stream_hosts = ("*.feishu.cn", "*.larksuite.com")
    events_hint = both(
        "请在开发者后台“事件与回调 > 事件配置”订阅 im.message.receive_v1 并发布版本。",
        "Subscribe im.message.receive_v1 under Events & callbacks > Event configuration and "
        "publish a version.",
    )
    clicks_hint = both(
        "请在“事件与回调 > 回调配置”设置请求地址（或长连接）并添加 card.action.trigger；"
        "客户端显示 200340 就是没有配置。",
        "Under Events & callbacks > Callback configuration set the address (or the long "
        "connection) and add card.action.trigger; a client that shows 200340 says that it is "
        "missing.",
    )
    # `uuid` is remembered for an hour; 5 messages a second to a chat, 5 edits to a message.
    abilities = Abilities(
        edits=True,
        buttons=True,
        forms=True,
        fetches=True,
        files=True,
        idempotency=3600,
        chat_rates=((5, 1),),
        edit_rates=((5, 1),),
        bot_rates=((50, 1), (1000, 60)),
    )
    settings: ClassVar = (
        Setting("app_id", both("应用 App ID", "App ID"), required=True),
        Setting("app_secret", both("应用 App Secret", "App Secret"), secret=True, required=True),
        Setting(
            "encrypt_key",
            both("Encrypt Key", "Encrypt Key"),
            secret=True,
            help=both(
                "事件订阅的加密策略；没有它就无法核实来源，机器人不能启用。",
                "Events > Encryption strategy; without it nothing can be verified or enabled.",
            ),
        ),
        Setting(
            "verification_token", both("Verification Token", "Verification Token"), secret=True
        ),
        Setting(
            "bot_open_id",
            both("机器人 open_id", "The bot's open_id"),
            learned=True,
            help=both("留空则向飞书查询。", "Asked from Feishu when left empty."),
        ),
        Setting(
            "max_skew_s",
            both("时间戳允许的偏差（秒）", "Clock window (seconds)"),
            kind="int",
            default=feishu_events.MAX_SKEW_S,
            high=86400,
        ),
    )
    steps = both(
        "1. 开发者后台创建企业自建应用，添加“机器人”能力。\n"
        "2. 事件与回调 > 加密策略：生成 Encrypt Key 和 Verification Token，填到这里。\n"
        "3. 事件配置与回调配置都选“将事件发送至开发者服务器”，粘贴本页的地址。\n"
        "4. 订阅 im.message.receive_v1 和 card.action.trigger。\n"
        "5. 开通 im:message、im:message.group_at_msg、im:message.p2p_msg、im:resource，发布版本。",
        "1. Developer console: create a custom app and add the Bot ability.\n"
        "2. Events & callbacks > Encryption strategy: make an Encrypt Key and a Verification "
        "Token and enter them here.\n"
        "3. For events and for callbacks choose to send them to a server; paste this address.\n"
        "4. Subscribe im.message.receive_v1 and card.action.trigger.\n"
        "5. Grant im:message, im:message.group_at_msg, im:message.p2p_msg and im:resource; "
        "publish a version.",
    )

    def judge(self, config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
        """Verify and read one event."""
        try:
            event = feishu_events.open_event(config, request, now)
            if feishu_events.is_url_check(event):
                return challenge({"challenge": id_at(event, "challenge")})
            return self._read(config, event)
        except feishu_events.Refused as error:
            return reject(error.reason)
        except Malformed:
            return reject("malformed")

    def _read(self, config: Mapping[str, Any], event: dict[str, Any]) -> Received:
        if "header" not in event:
            # The old envelope (`uuid`, `event.type`) says nothing that 2.0 does not say.
            return ignore("unsupported_event")
        header = object_at(event, "header")
        app_id = optional_text(header, "app_id")
        if app_id and config.get("app_id") and app_id != config["app_id"]:
            return reject("receive_id_mismatch")
        body = optional_object(event, "event")
        match text_at(header, "event_type"):
            case "im.message.receive_v1":
                return self._message(config, header, body)
            case "contact.user.deleted_v3":
                return accept(_leaver(header, body), response={})
            case "card.action.trigger":
                return accept(_click(header, body), response={})
            case _:
                return ignore("unsupported_event")

    def _message(
        self, config: Mapping[str, Any], header: dict[str, Any], body: dict[str, Any]
    ) -> Received:
        bot_open_id = str(config.get("bot_open_id") or "")
        sender = object_at(body, "sender")
        if optional_text(sender, "sender_type") == "app":
            return ignore("from_bot")
        identity = object_at(sender, "sender_id")
        sender_id = id_at(identity, "open_id")
        if sender_id == bot_open_id:
            return ignore("from_bot")
        message = object_at(body, "message")
        content = feishu_content.read(message, bot_open_id)
        if content is None:
            return ignore("unsupported_type")
        event_id, message_id = id_at(header, "event_id"), id_at(message, "message_id")
        threads = {k: optional_text(message, k) for k in ("root_id", "parent_id", "thread_id")}
        return accept(
            Inbound(
                platform=self.name,
                kind=content.kind,
                sender_id=sender_id,
                chat_id=id_at(message, "chat_id"),
                chat_type="group" if text_at(message, "chat_type") in GROUPS else "private",
                text=content.text,
                message_id=message_id,
                dedupe_key=f"evt:{event_id}",
                second_key=f"msg:{message_id}",
                mentions_bot=content.mentions_bot,
                attachments=content.attachments,
                extra=_origin(header, identity) | _filled(threads) | content.extra,
            )
        )

    def can_enable(self, config: Mapping[str, Any]) -> list[Text]:
        """Only the Encrypt Key signs what is received; a token alone travels with every event."""
        if config.get("connection") == "stream":
            return []  # events come over a socket that the app's secret opened
        return [] if config.get("encrypt_key") else [_NO_KEY]

    async def stream(self, ctx: SendContext, link: Link) -> None:
        """Hold the long connection, whose events are read like those of webhooks."""
        await feishu_stream.keep(ctx, link, partial(self._judge_event, ctx.config))

    def _judge_event(self, config: Mapping[str, Any], event: dict[str, Any]) -> Received:
        """An event whose way here was its proof."""
        try:
            return self._read(config, event)
        except Malformed:
            return reject("malformed")

    async def send(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Send a card; the whole answer follows as texts when it was too long for a card.

        Each message has its own `uuid` made from the key, so that a repeat shows nothing twice.
        """
        card = out.shown()
        fitted = fit(card, feishu_card.LIMITS, out.language)
        pieces: Sequence[str] = fitted.rest
        try:
            message = feishu_card.card_message(fitted.card, out.mention)
            sent = await _create(ctx, out, 0, message)
            if out.revision and sent:
                # The key may have met what an earlier attempt showed: an older revision.
                await _patch(ctx, replace(out, platform_message_id=sent), card)
        except ContentRefused as error:
            log.warning("feishu.card_refused", code=error.vendor_code)
            sent, pieces = "", split(cards.to_text(card, out.language), feishu_card.TEXT_BYTES)
        for number, piece in enumerate(pieces, start=1):
            alert = out.mention if number == 1 and not sent else ""
            message_id = await _create(ctx, out, number, feishu_card.text_message(piece, alert))
            sent = sent or message_id
        await feishu_files.send(ctx, out, partial(_create, ctx, out))
        return Sent(sent)

    async def update(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Change a card in place; what Feishu cannot draw becomes a card of plain words."""
        card = out.shown()
        try:
            await _patch(ctx, out, card)
        except ContentRefused as error:
            log.warning("feishu.card_refused", code=error.vendor_code)
            words = cards.Text(cards.to_text(card, out.language))
            await _patch(ctx, out, cards.Card(card.title, card.color, (words,)))
        return Sent(out.platform_message_id)

    async def fetch(self, ctx: SendContext, attachment: Mapping[str, Any], limit: int) -> Media:
        """The resource of a message, under the message's id."""
        return await feishu_files.fetch(ctx, attachment, limit)

    async def check(self, ctx: SendContext) -> list[Check]:
        """Are the credentials right, is the bot ability on, can events be verified?"""
        missing = [name for name in ("app_id", "app_secret") if not ctx.config.get(name)]
        if missing:
            return [Check(name, False, _MISSING.format(name=name)) for name in missing]
        signed = not self.can_enable(ctx.config)
        found = [Check("encrypt_key", signed, _OK if signed else _NO_KEY)]
        try:
            await feishu_api.fetch_token(ctx)
        except (Later, UnknownOutcome) as error:
            return [*found, Check("app_secret", False, _AWAY.format(why=str(error)))]
        except DeliveryError as error:
            return [*found, Check("app_secret", False, _REFUSED.format(why=str(error)))]
        found.append(Check("app_secret", True, _OK))
        try:
            open_id = await feishu_api.bot_open_id(ctx)
        except DeliveryError as error:
            return [*found, Check("bot", False, _NO_BOT.format(why=str(error)))]
        held = str(ctx.config.get("bot_open_id") or "")
        right = held in {"", open_id}
        return [
            *found,
            Check("bot", True, _OK),
            Check("bot_open_id", right, _OK if right else _OTHER_BOT.format(open_id=open_id)),
            *await feishu_checks.app(ctx),
        ]

    async def learn(self, ctx: SendContext) -> dict[str, str]:
        """The bot's open_id, by which it knows that it is mentioned."""
        return {"bot_open_id": await feishu_api.bot_open_id(ctx)}


async def _create(ctx: SendContext, out: Outgoing, number: int, message: dict[str, str]) -> str:
    """Send one message as a reply, to the chat, or privately; returns its id."""
    body = message | {"uuid": _uuid(out.key, number)}
    if out.reply_to and not out.private_to:
        try:
            path = f"{MESSAGES}/{quote(out.reply_to, safe='')}/reply"
            return _message_id(await feishu_api.request(ctx, "POST", path, body))
        except TargetGone:
            log.info("feishu.reply_target_gone")
    how = "open_id" if out.private_to else "chat_id"
    body |= {"receive_id": out.private_to or out.chat_id}
    path = f"{MESSAGES}?receive_id_type={how}"
    return _message_id(await feishu_api.request(ctx, "POST", path, body))


async def _patch(ctx: SendContext, out: Outgoing, card: cards.Card) -> None:
    fitted = fit(card, feishu_card.LIMITS, out.language)
    path = f"{MESSAGES}/{quote(out.platform_message_id, safe='')}"
    content = feishu_card.card_content(fitted.card, out.mention)
    await feishu_api.request(ctx, "PATCH", path, {"content": content})


def _uuid(key: str, number: int) -> str:
    """At most 50 characters, the same on every repeat of the same message."""
    name = f"{key}-{number}" if number else key
    return name if len(name) <= MAX_UUID else hashlib.sha256(name.encode()).hexdigest()[:MAX_UUID]


def _message_id(answer: dict[str, Any]) -> str:
    data = answer.get("data")
    return str(data.get("message_id") or "") if isinstance(data, dict) else ""


def _leaver(header: dict[str, Any], body: dict[str, Any]) -> Inbound:
    """Somebody left the company; needs the scope contact:user.base:readonly to come."""
    open_id = id_at(object_at(body, "object"), "open_id")
    return Inbound(
        platform=Feishu.name,
        kind="event",
        sender_id=open_id,
        chat_id=None,
        chat_type=None,
        text="",
        message_id=None,
        dedupe_key=f"evt:{id_at(header, 'event_id')}",
        mentions_bot=None,
        extra={"event": "contact.user.deleted_v3", "left": [open_id]},
    )


def _click(header: dict[str, Any], body: dict[str, Any]) -> Inbound:
    """A click on one of our cards: who clicked, and the button's token."""
    operator, context = object_at(body, "operator"), object_at(body, "context")
    kind, extra = feishu_content.read_click(body)
    extra["token"] = optional_text(body, "token")
    return Inbound(
        platform=Feishu.name,
        kind=kind,
        sender_id=id_at(operator, "open_id"),
        chat_id=id_at(context, "open_chat_id"),
        chat_type=None,
        text="",
        message_id=id_at(context, "open_message_id"),
        dedupe_key=f"evt:{id_at(header, 'event_id')}",
        mentions_bot=None,
        extra=_origin(header, operator) | extra,
    )


def _origin(header: dict[str, Any], identity: dict[str, Any]) -> dict[str, Any]:
    names = {name: optional_text(identity, name) for name in ("user_id", "union_id")}
    names |= {name: optional_text(header, name) for name in ("tenant_key", "event_id")}
    return _filled(names)


def _filled(values: dict[str, str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
