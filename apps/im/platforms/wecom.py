"""WeCom (企业微信): a self-built app that people write to one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import structlog

from apps.core.i18n import Text, both
from apps.im import wecom_api, wecom_card, wecom_check, wecom_events, wecom_send
from apps.im.base import (
    Abilities,
    Check,
    DeliveryError,
    InboundRequest,
    Media,
    Outgoing,
    Permanent,
    Platform,
    Received,
    SendContext,
    Sent,
    Setting,
    reject,
)
from apps.im.cards import Card
from apps.im.payload import Malformed
from apps.im.wecom_api import ContentRefused
from apps.im.wecom_crypto import MAX_SKEW_S, Refused
from apps.im.wecom_send import Parcel

log = structlog.get_logger(__name__)


class WeCom(Platform):
    """A self-built app. It gets no group messages: groups need the AI bot (`wecom_aibot`)."""

    name = "wecom"
    labels = both("企业微信（自建应用）", "WeCom (self-built app)")
    api_base = wecom_api.API
    # More than 30 a minute or 1000 an hour to one person are dropped without a word.
    abilities = Abilities(
        edits=True,
        buttons=True,
        forms=True,
        fetches=True,
        files=True,
        max_file=wecom_send.MAX_FILE,
        idempotency=wecom_send.REMEMBERED_S,
        chat_rates=((30, 60), (1000, 3600)),
        bot_rates=((10_000, 60),),
    )
    context_keys = ("response_code",)
    events_hint = both(
        "请在应用的“接收消息 > 设置 API 接收”填入地址、Token 和 EncodingAESKey 并保存。",
        "Enter address, Token and EncodingAESKey under Receive messages > API of the app and save.",
    )
    clicks_hint = both(
        "卡片的点击也发到“设置 API 接收”的地址。",
        "Clicks on cards come to the address under Receive messages > API, too.",
    )
    settings: ClassVar = (
        Setting("corp_id", both("企业 ID（CorpID）", "CorpID"), required=True),
        Setting("agent_id", both("应用 AgentId", "AgentId"), required=True),
        Setting("secret", both("应用 Secret", "App Secret"), secret=True, required=True),
        Setting("token", both("回调 Token", "Callback Token"), secret=True, required=True),
        Setting(
            "encoding_aes_key",
            both("EncodingAESKey（43 个字符）", "EncodingAESKey (43 characters)"),
            secret=True,
            required=True,
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
        "1. 管理后台 > 应用管理 > 自建 > 创建应用，设置可见范围；把 AgentId 和 Secret 填到这里，"
        "企业 ID 在“我的企业”页面底部。\n"
        "2. 应用 > 接收消息 > 设置 API 接收：随机生成 Token 和 EncodingAESKey，先填到这里并启用，"
        "再在那里粘贴本页的地址并保存。\n"
        "3. 应用 > 企业可信 IP：填入本服务器的出口 IP（需先完成第 2 步或设置可信域名）。",
        "1. Admin console > Apps > Self-built > Create: set the visible range; enter AgentId and "
        "Secret here. The CorpID is at the bottom of My Company.\n"
        "2. App > Receive messages > API: generate Token and EncodingAESKey, enter them here and "
        "enable the bot, then paste this address there and save.\n"
        "3. App > Trusted IPs: enter the address from which this server calls out (step 2 or a "
        "trusted domain comes first).",
    )

    def judge(self, config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
        """Verify and read one push, or answer the check of the address."""
        try:
            return wecom_events.judge(config, request, now)
        except Refused as error:
            return reject(error.reason)
        except Malformed:
            return reject("malformed")

    def can_enable(self, config: Mapping[str, Any]) -> list[Text]:
        """Without a token and a whole key nothing that is received can be verified."""
        return wecom_check.against_enabling(config)

    async def send(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Show an answer: a template card when there is something to click, else words.

        Words that find no room on a card come before it, files after it. WeCom knows each
        message of a repeat by its content.
        """
        parcel = Parcel(ctx, out)
        try:
            sent, code = await self._all(parcel)
        except DeliveryError as error:
            error.done = {"taken": parcel.taken}
            raise
        return Sent(sent or out.key, {"response_code": code} if code else {})

    async def _all(self, parcel: Parcel) -> tuple[str, str]:
        """Everything that a delivery holds; the id of its main message, and the card's code."""
        card = parcel.out.shown()
        try:
            sent, code = await self._shown(parcel, card)
        except ContentRefused as error:
            log.warning("wecom.card_refused", code=error.vendor_code)
            sent, code = await parcel.words(card), ""
        for media in parcel.out.files:
            await parcel.file(media)
        return sent, code

    async def _shown(self, parcel: Parcel, card: Card) -> tuple[str, str]:
        out = parcel.out
        form = card.form if wecom_card.draws_form(card.form) else None
        if form is None and not wecom_card.draws_buttons(card.buttons):
            return await parcel.words(card), ""
        if form is not None and card.buttons:
            # A card has lists or buttons: the buttons remain as commands to type.
            await parcel.words(replace(card, form=None))
            card = wecom_card.pointing_up(replace(card, buttons=()), out.language)
        drawn = wecom_card.interaction(card, out.key, out.language)
        if not drawn.whole and out.role != "progress":
            await parcel.words(replace(card, buttons=(), form=None))
            card = wecom_card.pointing_up(card, out.language)
            drawn = wecom_card.interaction(card, out.key, out.language)
        return await parcel.card(drawn.card)

    async def update(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Change a card, which WeCom allows once for each code that it gave.

        A card gets one code when it is sent and one with each click, so the steps in between are
        passed over and the code is kept for the end. Where no code is left the card stays as it
        is: the answer itself is a message of its own.
        """
        card, code = out.shown(), str(out.context.get("response_code") or "")
        same = Sent(out.platform_message_id)
        if not code or code == out.context.get("used_code") or _goes_on(out, card):
            return same
        if wecom_card.draws_buttons(card.buttons):
            drawn = wecom_card.interaction(card, out.key, out.language).card
            del drawn["task_id"]
        else:
            drawn = wecom_card.notice(card, out.language, wecom_send.chat_address()).card
        try:
            await wecom_send.change(ctx, out, code, drawn)
        except ContentRefused as error:
            # Spent by an attempt that nobody answered, or older than 72 hours.
            log.info("wecom.update_refused", code=error.vendor_code)
        return replace(same, context={"used_code": code})

    async def fetch(self, ctx: SendContext, attachment: Mapping[str, Any], limit: int) -> Media:
        """Bring what somebody sent; WeCom keeps it for three days."""
        key = str(attachment.get("key") or "")
        if not key:
            raise Permanent("the attachment has no media id")
        media = await wecom_api.download(ctx, key, limit)
        mime = str(attachment.get("mime") or "")
        return replace(media, mime=mime) if mime else media

    async def check(self, ctx: SendContext) -> list[Check]:
        """Are the credentials, the app, its range, this server's address and clock right?"""
        return await wecom_check.check(ctx)


def _goes_on(out: Outgoing, card: Card) -> bool:
    """Is this a step in between, which another will follow?"""
    return out.role == "progress" and card.color == "blue" and bool(card.buttons)
