"""WeCom's AI bots (企业微信智能机器人): answers in streams that are polled, or through a socket.

A bot of the first kind is called back and has no way of writing by itself, except once within an
hour of each message; one that keeps a socket (`secret`) may write at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from apps.core.i18n import Text, both
from apps.im import (
    aibot_api,
    aibot_check,
    aibot_control,
    aibot_events,
    aibot_media,
    aibot_push,
    aibot_reply,
    aibot_socket,
    wecom_crypto,
)
from apps.im.aibot_events import Origin
from apps.im.base import (
    Abilities,
    Check,
    InboundRequest,
    Link,
    Media,
    Outgoing,
    Place,
    Platform,
    Received,
    SendContext,
    Sent,
    Setting,
    challenge,
    reject,
)
from apps.im.payload import Malformed, parse_object, text_at
from apps.im.wecom_crypto import Refused


class WecomAibot(Platform):
    """An AI bot in API mode."""

    name = aibot_events.PLATFORM
    labels = both("企业微信智能机器人", "WeCom AI bot")
    api_base = aibot_api.API_BASE
    connections = ("webhook", "stream")
    stream_hosts = (aibot_socket.HOST,)
    context_keys = ("stream_id", "response_url", "arrived", "req_id")
    # 30 messages a minute and 1000 an hour to a chat; refreshing a stream may count (101463).
    # Nothing private can be said in a group: only a socket could write to a person, and only to
    # somebody who wrote to the bot before.
    abilities = Abilities(
        edits=True,
        buttons=True,
        signs=True,
        fetches=True,
        files=True,
        max_file=aibot_push.MAX_FILE,
        private=False,
        # A stream and a reply address show one answer, however often it is given.
        idempotency=3600,
        chat_rates=((30, 60), (1000, 3600)),
        edit_rates=((1, 3),),
    )
    settings: ClassVar = (
        Setting("token", both("回调 Token", "Callback token"), secret=True),
        Setting(
            "encoding_aes_key",
            both("回调 EncodingAESKey", "Callback EncodingAESKey"),
            secret=True,
            help=both("43 个字符，与 Token 在同一页。", "43 characters, beside the token."),
        ),
        Setting("aibot_id", both("机器人 BotID", "The bot's BotID")),
        Setting(
            "bot_name",
            both("机器人名称", "The bot's name"),
            help=both(
                "群里 @ 它时显示的名字，用来从消息里去掉。",
                "As people see it after @ in groups; it is taken off what they write.",
            ),
        ),
        Setting(
            "secret",
            both("长连接 Secret", "Secret of the long connection"),
            secret=True,
            help=both("只有长连接方式需要。", "Only for connection=stream."),
        ),
        Setting(
            "max_skew_s",
            both("时间戳允许的偏差（秒）", "Clock window (seconds)"),
            kind="int",
            default=wecom_crypto.MAX_SKEW_S,
            high=86400,
        ),
    )
    steps = both(
        "1. 企业微信工作台 > 智能机器人 > 创建机器人 > API 模式创建。\n"
        "2. 有公网地址：选“使用 URL 回调”，随机生成 Token 和 EncodingAESKey 填到这里并启用，"
        "再粘贴本页的地址并保存。\n"
        "3. 没有公网地址：选“使用长连接”，把 BotID 和 Secret 填到这里，connection=stream。\n"
        "4. 填写机器人名称，设置可见范围；群聊里要先把机器人加进群。",
        "1. WeCom workbench > AI bots > Create > create in API mode.\n"
        "2. With a public address: choose URL callback, generate the Token and the "
        "EncodingAESKey, enter them here and enable the bot, then paste this address and save.\n"
        "3. Without one: choose the long connection, enter BotID and Secret here, "
        "connection=stream.\n"
        "4. Enter the bot's name and set who may see it; add the bot to the groups.",
    )
    events_hint = both(
        "智能机器人 > 编辑 > API 配置：回调地址保存成功后才会收到消息",
        "AI bots > Edit > API: messages come once the callback address was saved",
    )
    clicks_hint = both(
        "按钮点击发往同一个回调地址，无需另外订阅",
        "clicks go to the same callback address; nothing has to be subscribed",
    )

    def judge(self, config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
        """Verify and read one callback: the check of the address, a message, an event, a poll."""
        try:
            query = wecom_crypto.parameters(request)
            if request.method == "GET":
                stamps = wecom_crypto.stamps(query)
                plain = wecom_crypto.open_sealed(config, stamps, query.get("echostr", ""), "", now)
                text = plain.decode()
                return challenge({"text": text}, body=text)
            encrypt = text_at(parse_object(request.body), "encrypt")
            stamps = wecom_crypto.stamps(query)
            plain = wecom_crypto.open_sealed(config, stamps, encrypt, "", now)
            return aibot_events.read(config, parse_object(plain), Origin(stamps), now)
        except Refused as error:
            return reject(error.reason)
        except (Malformed, UnicodeDecodeError):
            return reject("malformed")

    async def control(
        self, config: Mapping[str, Any], question: Mapping[str, Any], now: float
    ) -> dict[str, Any]:
        """What the polled stream shows now, sealed."""
        return await aibot_control.answer(config, question, now)

    def can_enable(self, config: Mapping[str, Any]) -> list[Text]:
        """Callbacks need the token and the key, a socket the id and the secret."""
        return aibot_check.against(config)

    async def send(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Show a message where it was asked for, in the way that its message came."""
        if self._by_socket(ctx, out):
            if out.role == "progress":
                return await aibot_push.progress(ctx, out)
            return await aibot_push.send(ctx, out)
        if out.role == "progress":
            return await aibot_reply.progress(out)
        try:
            return await aibot_reply.send(ctx, out)
        except aibot_reply.NoWay:
            if not ctx.config.get("secret"):
                raise
            return await aibot_push.send(ctx, out)

    async def update(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Only progress is edited, and it is a stream that shows all of it anew."""
        return await self.send(ctx, out)

    async def fetch(self, ctx: SendContext, attachment: Mapping[str, Any], limit: int) -> Media:
        """Bring and decrypt a picture or a file."""
        return await aibot_media.fetch(ctx, attachment, limit)

    async def sign(self, ctx: SendContext, place: Place) -> None:
        """Open the stream of a message that came through a socket; others have theirs already."""
        await aibot_push.sign(ctx, place)

    async def stream(self, ctx: SendContext, link: Link) -> None:
        """Keep the one socket that the bot may have."""
        await aibot_socket.keep(ctx, link)

    async def check(self, ctx: SendContext) -> list[Check]:
        """Are the keys whole, does the clock agree, is the socket held and the secret right?"""
        return await aibot_check.check(ctx)

    def _by_socket(self, ctx: SendContext, out: Outgoing) -> bool:
        """What came in a callback is answered there; all else goes through the socket if any."""
        called_back = out.context.get("response_url") or out.context.get("stream_id")
        came_by_socket = bool(out.context.get("req_id"))
        return came_by_socket or (bool(ctx.config.get("secret")) and not called_back)
