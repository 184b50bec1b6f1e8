"""Slack: events, slash commands and clicks by webhook or socket, answers as Block Kit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import structlog

from apps.core.i18n import Text, both
from apps.im import slack_api, slack_checks, slack_events, slack_files, slack_send, slack_socket
from apps.im.base import (
    Abilities,
    BotBroken,
    Check,
    InboundRequest,
    Link,
    Media,
    Outgoing,
    Permanent,
    Place,
    Platform,
    Received,
    SendContext,
    Sent,
    Setting,
    reject,
)
from apps.im.payload import Malformed

log = structlog.get_logger(__name__)
SEEN = "eyes"


class Slack(Platform):
    """An app of one workspace, with a bot user."""

    name = "slack"
    labels = both("Slack", "Slack")
    api_base = slack_api.API_BASE
    connections = ("webhook", "stream")
    stream_hosts = ("*.slack.com",)
    context_keys = ("thread_ts", "asker")
    # One message a second to a channel, with short bursts, and several hundred a minute to a
    # workspace; `chat.update` is of tier 3 (50 a minute and more). A repeat is found by the key in
    # its metadata, however old it is (or says by itself that it may be one).
    abilities = Abilities(
        edits=True,
        buttons=True,
        forms=True,
        signs=True,
        fetches=True,
        files=True,
        idempotency=float("inf"),
        chat_rates=((5, 5),),
        edit_rates=((1, 1.2),),
        bot_rates=((300, 60),),
    )
    settings: ClassVar = (
        Setting(
            "bot_token",
            both("Bot User OAuth Token", "Bot User OAuth Token"),
            secret=True,
            required=True,
            help=both("xoxb- 开头。", "Begins with xoxb-."),
        ),
        Setting(
            "signing_secret",
            both("Signing Secret", "Signing Secret"),
            secret=True,
            help=both(
                "connection=webhook 必填：没有它就无法核实来源。",
                "Needed with connection=webhook: without it nothing can be verified.",
            ),
        ),
        Setting(
            "app_token",
            both("App-Level Token", "App-Level Token"),
            secret=True,
            help=both(
                "xapp- 开头，只有 connection=stream 才需要。",
                "Begins with xapp-; needed with connection=stream only.",
            ),
        ),
        Setting(
            "bot_user_id",
            both("机器人的用户 ID", "The bot's user id"),
            learned=True,
            help=both("留空则向 Slack 查询。", "Asked from Slack when left empty."),
        ),
        Setting(
            "max_skew_s",
            both("时间戳允许的偏差（秒）", "Clock window (seconds)"),
            kind="int",
            default=slack_events.MAX_SKEW_S,
            high=86400,
        ),
    )
    steps = both(
        "1. api.slack.com/apps 新建应用（From scratch）。\n"
        "2. OAuth & Permissions > Bot Token Scopes：" + "、".join(slack_checks.SCOPES) + "。\n"
        "3. App Home：打开 Messages Tab，并允许从中发送消息。\n"
        "4. Install App：把 Bot User OAuth Token 填到 bot_token；"
        "Basic Information 的 Signing Secret 填到 signing_secret。\n"
        "5. 先保存机器人，再把本页的地址填到 Event Subscriptions、Interactivity & Shortcuts"
        "（以及 Slash Commands）。\n"
        "6. Subscribe to bot events：app_mention、message.im；重新安装应用。\n"
        "没有公网地址：打开 Socket Mode，建一个带 connections:write 的 App-Level Token 填到 "
        "app_token，用 connection=stream。",
        "1. api.slack.com/apps: create an app from scratch.\n"
        "2. OAuth & Permissions > Bot Token Scopes: " + ", ".join(slack_checks.SCOPES) + ".\n"
        "3. App Home: switch the Messages Tab on and allow messages from it.\n"
        "4. Install App: enter the Bot User OAuth Token as bot_token, and the Signing Secret of "
        "Basic Information as signing_secret.\n"
        "5. Save the bot, then paste this address under Event Subscriptions and under "
        "Interactivity & Shortcuts (and Slash Commands).\n"
        "6. Subscribe to bot events: app_mention, message.im; install the app again.\n"
        "Without a public address: switch Socket Mode on, make an App-Level Token with "
        "connections:write, enter it as app_token and use connection=stream.",
    )
    events_hint = both(
        "Event Subscriptions > Subscribe to bot events：app_mention、message.im",
        "Event Subscriptions > Subscribe to bot events: app_mention, message.im",
    )
    clicks_hint = both(
        "Interactivity & Shortcuts > Request URL", "Interactivity & Shortcuts > Request URL"
    )

    def judge(self, config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
        """Verify and read one request."""
        try:
            slack_events.verify(config, request, now)
            return slack_events.read(config, request)
        except slack_events.Refused as error:
            return reject(error.reason)
        except Malformed:
            return reject("malformed")

    def can_enable(self, config: Mapping[str, Any]) -> list[Text]:
        """A webhook needs the signing secret, a stream the app's own token."""
        return slack_checks.against_enabling(config)

    async def send(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Show a card, what did not fit into it as text, and the files; a repeat looks first."""
        return await slack_send.deliver(ctx, out)

    async def update(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Change a card in place."""
        await slack_send.edit(ctx, out)
        return Sent(out.platform_message_id)

    async def fetch(self, ctx: SendContext, attachment: Mapping[str, Any], limit: int) -> Media:
        """Bring a file that somebody sent."""
        return await slack_files.fetch(ctx, attachment, limit)

    async def sign(self, ctx: SendContext, place: Place) -> None:
        """Put eyes on the message. That it cannot be done harms nothing."""
        if not place.message_id:
            return
        body = {"channel": place.chat_id, "timestamp": place.message_id, "name": SEEN}
        try:
            await slack_api.post(ctx, "reactions.add", body)
        except BotBroken:
            raise
        except Permanent as error:
            log.info("slack.no_reaction", code=error.vendor_code)

    async def stream(self, ctx: SendContext, link: Link) -> None:
        """Keep one Socket Mode connection."""
        await slack_socket.run(ctx, link)

    async def check(self, ctx: SendContext) -> list[Check]:
        """Are token, scopes, identity and clock right, and can what comes in be verified?"""
        return await slack_checks.check(ctx)

    async def learn(self, ctx: SendContext) -> dict[str, str]:
        """The bot's user id, by which it knows that it is mentioned."""
        return {"bot_user_id": await slack_checks.user_id(ctx)}
