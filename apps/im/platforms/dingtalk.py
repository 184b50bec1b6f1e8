"""DingTalk (钉钉): robot callbacks by webhook or Stream, answers as Markdown or as cards."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from apps.core import clock
from apps.core.i18n import Text, both
from apps.im import (
    dingtalk_checks,
    dingtalk_events,
    dingtalk_files,
    dingtalk_hosts,
    dingtalk_send,
    dingtalk_stream,
)
from apps.im.base import (
    Abilities,
    Check,
    InboundRequest,
    Link,
    Media,
    Outgoing,
    Platform,
    Received,
    SendContext,
    Sent,
    Setting,
)


class DingTalk(Platform):
    """An internal app with a robot."""

    name = "dingtalk"
    labels = both("钉钉", "DingTalk")
    api_base = dingtalk_hosts.API
    connections = ("webhook", "stream")
    stream_hosts = dingtalk_hosts.STREAM_HOSTS
    chats_by_person = True
    context_keys = ("reply_url", "reply_url_expires_ms", "staff_id")
    events_hint = both(
        "请在开发者后台“机器人”里把消息接收模式设为 HTTP 并填写地址，或设为 Stream，再发布应用。",
        "In the developer console set the robot's message receiving mode to HTTP with this address "
        "(or to Stream) and publish the app.",
    )
    clicks_hint = both(
        "卡片模板里的按钮须绑定按钮组变量 btns；HTTP 模式下运行一次 bot check 以登记回调地址。",
        "The template's buttons have to be bound to the button group btns; in HTTP mode `bot "
        "check` registers the address for clicks.",
    )
    # Twenty messages a minute to a group, or silence for ten; twenty calls of one API a second.
    # Words have no key that DingTalk remembers; cards have, and see to it themselves.
    abilities = Abilities(
        edits=True,
        buttons=True,
        fetches=True,
        files=True,
        max_file=20 * 1024 * 1024,
        chat_rates=((20, 60),),
        edit_rates=((2, 1),),
        bot_rates=((20, 1),),
    )
    settings: ClassVar = (
        Setting("app_key", both("Client ID（原 AppKey）", "Client ID (AppKey)"), required=True),
        Setting(
            "app_secret",
            both("Client Secret（原 AppSecret）", "Client Secret (AppSecret)"),
            secret=True,
            required=True,
            help=both(
                "收到的消息用它核实来源；不是群机器人的 SEC… 加签密钥。",
                "Verifies what is received; not the SEC… of a group's robot.",
            ),
        ),
        Setting(
            "robot_code",
            both("机器人编码 robotCode", "robotCode"),
            help=both("留空则同 app_key。", "The app key when left empty."),
        ),
        Setting(
            "card_template_id",
            both("卡片模板 ID", "Card template"),
            help=both(
                "有按钮和原地更新的进度时需要，变量见文档；留空则只发文字。",
                "For buttons and progress that is updated in place; its variables are in the "
                "docs. Only words are sent when left empty.",
            ),
        ),
        Setting(
            "max_skew_s",
            both("时间戳允许的偏差（秒）", "Clock window (seconds)"),
            kind="int",
            default=dingtalk_events.MAX_SKEW_S,
            high=86400,
        ),
        Setting(
            "oapi_base",
            both("旧版接口地址", "Address of the older API"),
            default=dingtalk_hosts.OAPI,
            kind="url",
            help=both("只用于上传文件。", "Only used for uploads."),
        ),
        Setting(
            "event_token",
            both("事件订阅的加密 token", "Token of the event subscription"),
            secret=True,
            help=both(
                "HTTP 推送的事件订阅（员工离职）需要；Stream 模式不需要。",
                "For events over HTTP (people who leave); not for Stream.",
            ),
        ),
        Setting(
            "event_aes_key",
            both("事件订阅的加密 aes_key", "aes_key of the event subscription"),
            secret=True,
        ),
        Setting(
            "event_owner_key",
            both("事件的归属 key", "Owner key of events"),
            help=both(
                "内部应用留空（即 app_key）；旧式注册的回调填 corpId。",
                "Empty for an internal app (its app key); the corpId for callbacks of the old "
                "registration.",
            ),
        ),
    )
    steps = both(
        "1. 开发者后台创建企业内部应用，把 Client ID 和 Client Secret 填到这里。\n"
        "2. 添加“机器人”能力；消息接收模式选 HTTP 并粘贴本页地址，或选 Stream"
        "（connection=stream，不需要公网地址）。\n"
        "3. 权限管理：企业内机器人发送消息、机器人消息文件下载、互动卡片实例写权限。\n"
        "4. 需要按钮和进度：在卡片平台按文档建模板，填 card_template_id。\n"
        "5. 可选：事件与回调里订阅“通讯录用户离职”，离职者随即停用。\n"
        "6. 版本管理与发布，然后把机器人加进群或直接私聊。",
        "1. Developer console: create an internal app; enter its Client ID and Client Secret.\n"
        "2. Add the robot; message receiving mode HTTP with this address, or Stream "
        "(connection=stream, no public address needed).\n"
        "3. Permissions: send messages as the internal robot, download files of robot messages, "
        "write card instances.\n"
        "4. For buttons and progress build the card template of the docs and enter its id.\n"
        "5. Optional: subscribe to people leaving; whoever leaves is disabled.\n"
        "6. Publish a version, then add the robot to a group or write to it.",
    )

    def judge(self, config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
        """Verify and read a callback, an event, a click, or a frame of the long connection."""
        return dingtalk_events.judge(config, request, now)

    async def control(
        self, config: Mapping[str, Any], question: Mapping[str, Any], now: float
    ) -> dict[str, Any]:
        """Only the long connection asks anything: whether it is alive."""
        return dict(question.get("answer") or {})

    def can_enable(self, config: Mapping[str, Any]) -> list[Text]:
        """The app's secret verifies everything, and it is required already."""
        return []

    async def send(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Answer where it was asked: at the message's own address when words will do."""
        return await dingtalk_send.send(ctx, out)

    async def update(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Change a card in place; words stay as they are."""
        return await dingtalk_send.update(ctx, out)

    async def fetch(self, ctx: SendContext, attachment: Mapping[str, Any], limit: int) -> Media:
        """Bring what somebody sent."""
        return await dingtalk_files.fetch(ctx, attachment, limit)

    async def stream(self, ctx: SendContext, link: Link) -> None:
        """Hold the long connection, whose frames are read as webhooks are."""
        await dingtalk_stream.keep(ctx, link, partial(self._judged, ctx.config))

    def _judged(self, config: Mapping[str, Any], frame: InboundRequest) -> Received:
        return self.receive(config, frame, clock.timestamp())

    async def check(self, ctx: SendContext) -> list[Check]:
        """Credentials, permissions, the robot, the card template, the way of clicks."""
        return await dingtalk_checks.check(ctx)
