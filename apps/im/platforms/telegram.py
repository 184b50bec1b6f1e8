"""Telegram: updates by webhook or getUpdates, answers as texts with entities and inline buttons."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import structlog

from apps.core.http import File
from apps.core.i18n import Text, both
from apps.im import attempt, telegram_api, telegram_checks, telegram_text, telegram_updates
from apps.im.base import (
    Abilities,
    Check,
    DeliveryError,
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
from apps.im.payload import Malformed, parse_object, same
from apps.im.telegram_text import Rich
from apps.im.telegram_updates import WANTED, Me

SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
MAX_PHOTO = 10 * 1024 * 1024
POLL_S = 25.0
SHORTEST_POLL_S = 1.0

_BAD_SECRET = both(
    "缺少 secret_token：1 到 256 个字母、数字、- 或 _",
    "secret_token is missing: 1 to 256 letters, digits, - or _",
)
_WRITE_FIRST = both(
    "{name}，我还不能给你发私信。请先打开与我的对话并按“开始”，然后再问一次。",
    "{name}, I cannot write to you privately yet. Open a chat with me, press Start, and ask again.",
)
log = structlog.get_logger(__name__)


class Telegram(Platform):
    """A bot made with @BotFather."""

    name = "telegram"
    labels = both("Telegram", "Telegram")
    api_base = "https://api.telegram.org"
    connections = ("webhook", "stream")
    context_keys = ("thread_id",)
    # One message a second to a chat, twenty a minute to a group, thirty a second in all.
    abilities = Abilities(
        edits=True,
        buttons=True,
        signs=True,
        fetches=True,
        files=True,
        max_file=50 * 1024 * 1024,
        chat_rates=((1, 1), (20, 60)),
        edit_rates=((1, 1),),
        bot_rates=((30, 1),),
    )
    settings: ClassVar = (
        Setting("token", both("机器人 token", "The bot's token"), secret=True, required=True),
        Setting(
            "secret_token",
            both("Webhook 校验串", "Webhook secret"),
            secret=True,
            help=both(
                "自己定的随机串；没有它就无法核实来源（长轮询不需要）。",
                "A random word of your own; nothing is verified without it (polling needs none).",
            ),
        ),
        Setting(
            "bot_username",
            both("机器人用户名", "The bot's username"),
            learned=True,
            help=both("留空则向 Telegram 查询。", "Asked from Telegram when left empty."),
        ),
    )
    steps = both(
        "1. 在 Telegram 里向 @BotFather 发 /newbot，把得到的 token 填到这里。\n"
        "2. 自定 secret_token，保存后执行 bot check：会登记本页的地址"
        "（端口须为 443、80、88 或 8443）。\n"
        "3. 没有公网地址就用 connection=stream（长轮询）。",
        "1. Send /newbot to @BotFather and enter the token here.\n"
        "2. Make up a secret_token, save, and run bot check: it registers this address (its port "
        "must be 443, 80, 88 or 8443).\n"
        "3. Without a public address use connection=stream (long polling).",
    )

    def judge(self, config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
        """The secret in a header is all that tells an update from a forgery."""
        given = request.header("x-telegram-bot-api-secret-token")
        if not given:
            return reject("missing_signature")
        if not same(given, str(config.get("secret_token") or "")):
            return reject("bad_signature")
        try:
            return telegram_updates.read(Me.of(config), parse_object(request.body))
        except Malformed:
            return reject("malformed")

    def can_enable(self, config: Mapping[str, Any]) -> list[Text]:
        """Updates that are polled for need no secret."""
        fine = SECRET.fullmatch(str(config.get("secret_token") or ""))
        return [] if fine or config.get("connection") == "stream" else [_BAD_SECRET]

    async def send(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Send the text in as many messages as it needs; the last one has the buttons.

        Telegram knows no repeats: what was shown before a fault is not sent again.
        """
        done = int(out.context.get("pieces", 0))
        card = (replace(out, repeat=False) if done else out).shown()  # the same parts as before
        rich = telegram_text.drawn(card)
        if out.mention:
            rich = telegram_text.mention(out.mention_name, out.mention).then(rich)
        parts = telegram_text.pieces(rich)
        context = {k: out.context[k] for k in ("first", "chat") if k in out.context}
        try:
            for number in range(done, len(parts)):
                last = number == len(parts) - 1
                body = _text(parts[number]) | _reply(out, number)
                if last and card.buttons:
                    body["reply_markup"] = telegram_text.keyboard(card.buttons)
                sent = await _deliver(ctx, out, context, "sendMessage", body)
                context.setdefault("first", str(sent.get("message_id", "")))
                done = number + 1
                attempt.note(context | {"pieces": done})
            for number in range(max(0, done - len(parts)), len(out.files)):
                await _send_file(ctx, out, context, out.files[number])
                done = len(parts) + number + 1
                attempt.note({"pieces": done})
        except telegram_api.NotAllowed:
            if not out.private_to or out.chat_type == "private":
                raise
            return await _say_where_to_write(ctx, out)
        except DeliveryError as error:
            error.done = context | {"pieces": done}
            raise
        return Sent(str(context.get("first", "")), context)

    async def update(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Edit in place; what is too long for one message ends with an ellipsis."""
        card = out.shown()
        rich = telegram_text.drawn(card)
        first, *rest = telegram_text.pieces(rich, telegram_text.LIMIT - 2)
        body = _text(first.then(Rich("\n…")) if rest else first)
        body |= {"message_id": int(out.platform_message_id)}
        body["reply_markup"] = telegram_text.keyboard(card.buttons)
        try:
            await _deliver(ctx, out, {}, "editMessageText", body, threaded=False)
        except telegram_api.NotModified:
            log.info("telegram.same")
        return Sent(out.platform_message_id)

    async def fetch(self, ctx: SendContext, attachment: Mapping[str, Any], limit: int) -> Media:
        """The file behind a `file_id`; 20 MB at most."""
        data = await telegram_api.fetch(ctx, str(attachment.get("key") or ""), limit)
        return Media(data, str(attachment.get("name") or ""), str(attachment.get("mime") or ""))

    async def sign(self, ctx: SendContext, place: Place) -> None:
        """Typing, for some five seconds."""
        body = {"chat_id": place.chat_id, "action": "typing"} | _thread(place.extra)
        await telegram_api.request(ctx, "sendChatAction", body)

    async def acknowledge(self, ctx: SendContext, place: Place) -> None:
        """Stop the clock on the button that was pressed."""
        query = place.extra.get("callback_query_id")
        if query:
            await telegram_api.request(ctx, "answerCallbackQuery", {"callback_query_id": query})

    async def stream(self, ctx: SendContext, link: Link) -> None:
        """Poll with getUpdates. An update is confirmed by asking for the next, after its commit."""
        me = Me.of(ctx.config)
        await telegram_api.request(ctx, "deleteWebhook", {"drop_pending_updates": False})
        while True:
            body = {"timeout": int(POLL_S), "allowed_updates": list(WANTED)}
            body |= {"offset": int(link.held("offset") or 0), "limit": telegram_api.MOST_UPDATES}
            asked = time.monotonic()
            updates = await telegram_api.request(
                ctx,
                "getUpdates",
                body,
                timeout_s=POLL_S + telegram_api.TIMEOUT_S,
                most=telegram_api.MAX_UPDATES,
            )
            for update in updates if isinstance(updates, list) else []:
                if not isinstance(update, dict):
                    continue
                try:
                    await link.store(telegram_updates.read(me, update))
                except Malformed as error:
                    log.warning("telegram.bad_update", error=str(error))
                if type(update.get("update_id")) is int:
                    link.hold("offset", str(update["update_id"] + 1))
            if not updates:
                # A server that does not wait for something to tell must not be asked in a circle.
                await asyncio.sleep(max(0.0, asked + SHORTEST_POLL_S - time.monotonic()))

    async def check(self, ctx: SendContext) -> list[Check]:
        """Is the token right, does Telegram push to us, and does it get through?"""
        return await telegram_checks.check(ctx)

    async def learn(self, ctx: SendContext) -> dict[str, str]:
        """The username by which the bot is mentioned."""
        return {"bot_username": (await telegram_checks.me(ctx)).get("username", "")}


def _text(rich: Rich) -> dict[str, Any]:
    return {
        "text": rich.text,
        "entities": rich.entities(),
        "link_preview_options": {"is_disabled": True},
    }


def _reply(out: Outgoing, number: int) -> dict[str, Any]:
    """The first message answers the one that asked, where that is to be seen."""
    asked = out.reply_to
    if number or out.private_to or not (asked.isascii() and asked.isdigit()):
        return {}
    return {"reply_parameters": {"message_id": int(asked), "allow_sending_without_reply": True}}


def _thread(context: Mapping[str, Any]) -> dict[str, int]:
    thread = str(context.get("thread_id") or "")
    return {"message_thread_id": int(thread)} if thread.isascii() and thread.isdigit() else {}


async def _deliver(
    ctx: SendContext,
    out: Outgoing,
    context: dict[str, Any],
    method: str,
    body: dict[str, Any],
    *,
    threaded: bool = True,
    files: Mapping[str, File] | None = None,
) -> dict[str, Any]:
    """Call where the chat is now: a group may have moved, a topic may be gone."""
    chat = str(context.get("chat") or out.context.get("chat") or out.private_to or out.chat_id)
    topic = _thread(out.context) if threaded and not out.private_to else {}
    for _ in range(3):
        try:
            whole = {"chat_id": chat} | topic | body
            sent = await telegram_api.request(ctx, method, whole, files=files)
            return sent if isinstance(sent, dict) else {}
        except telegram_api.Moved as error:
            chat = context["chat"] = error.chat_id
        except telegram_api.NoThread:
            if not topic:
                raise
            topic = {}
    raise Permanent("the chat moves from one place to the next")


async def _send_file(
    ctx: SendContext, out: Outgoing, context: dict[str, Any], media: Media
) -> None:
    """A picture, a voice message or a document."""
    kind = "document"
    if media.is_image and len(media.data) <= MAX_PHOTO:
        kind = "photo"
    elif media.mime == "audio/ogg" and media.duration_ms:
        kind = "voice"
    name = media.name or "file"
    file = File(name, media.data, media.mime or "application/octet-stream")
    await _deliver(ctx, out, context, f"send{kind.capitalize()}", {}, files={kind: file})


async def _say_where_to_write(ctx: SendContext, out: Outgoing) -> Sent:
    """Tell somebody in the group that a private answer needs a private chat."""
    words = _WRITE_FIRST.format(name=out.mention_name or "").in_(out.language).lstrip("，, ")
    there = replace(out, private_to="", files=())
    body = _text(Rich(words)) | _reply(there, 0)
    sent = await _deliver(ctx, there, {}, "sendMessage", body)
    return Sent(str(sent.get("message_id", "")))
