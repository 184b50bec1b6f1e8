"""WeCom's message push of a group (群机器人): an address with a key, to which messages are posted.

It only delivers (a schedule's report, an alarm) and never hears anything. Source:
developer.work.weixin.qq.com, "消息推送配置说明" (path 91770): 20 messages a minute, text 2048
bytes, markdown_v2 4096 bytes, pictures 2 MB, files 20 MB.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit, urlunsplit

from apps.core.http import File
from apps.core.i18n import Text, both
from apps.im import attempt, wecom_api, wecom_card
from apps.im.base import (
    Abilities,
    BotBroken,
    Check,
    DeliveryError,
    Media,
    Outgoing,
    Permanent,
    Platform,
    SendContext,
    Sent,
    Setting,
    UnknownOutcome,
)
from apps.im.calls import Reply, call
from apps.im.cards import to_text
from apps.im.fitting import split
from apps.im.wecom_api import ContentRefused
from apps.im.wecom_send import MAX_FILE, MIN_FILE, PICTURES, file_name, fitted

MARKDOWN_BYTES = 4096
MAX_IMAGE = 2 * 1024 * 1024
_BROKEN = {
    93000: "the webhook address is wrong, or the robot was removed from its group",
    93004: "the robot was disabled",
    93008: "the robot is not in its group",
}
#: How an empty text is refused when everything else is right.
_EMPTY_TEXT = frozenset({"44004", "40008", "40058", "40063"})
_OK = both("正常", "fine")
_BAD_URL = both(
    "webhook_url 应是 https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=… 这样的地址",
    "webhook_url has to be an address like https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…",
)
_GONE = both(
    "webhook_url 不正确，或机器人已被移出群：{why}",
    "webhook_url is wrong, or the robot was removed from its group: {why}",
)
_NO_ANSWER = both("没有应答：{why}", "no answer: {why}")


class WeComRobot(Platform):
    """Delivers to one group; whoever has the address may post, so it is kept as a secret."""

    name = "wecom_robot"
    labels = both("企业微信群机器人（只发送）", "WeCom group robot (sends only)")
    api_base = wecom_api.API
    abilities = Abilities(
        receives=False,
        private=False,
        files=True,
        max_file=MAX_FILE,
        chat_rates=((20, 60),),
        bot_rates=((20, 60),),
    )
    settings: ClassVar = (
        Setting(
            "webhook_url",
            both("Webhook 地址", "Webhook address"),
            secret=True,
            required=True,
            kind="url",
            help=both("含有 key，等同密码。", "Holds a key; treat it as a password."),
        ),
    )
    steps = both(
        "1. 群聊右上角 > 消息推送（群机器人）> 添加，复制 Webhook 地址填到这里。\n"
        "2. 把定时任务发到群里：schedule add … --chat wecom_robot:<代号>:group",
        "1. Group chat > Message push (group robot) > Add; copy its webhook address here.\n"
        "2. Send a schedule there: schedule add … --chat wecom_robot:<slug>:group",
    )

    def can_enable(self, config: Mapping[str, Any]) -> list[Text]:
        """It hears nothing, so there is nothing to verify; it needs somewhere to post to."""
        return [] if _key(config) else [_BAD_URL]

    async def send(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Post the words, then the files.

        WeCom knows no repeats here; what is known to be shown is not posted again.
        """
        known = attempt.shown(out.context)
        # The same pieces as before.
        messages = _messages(replace(out, repeat=out.repeat and not known))
        steps: list[dict[str, Any] | Media] = [*messages, *out.files]
        await attempt.go_on(out.context, steps, partial(_step, ctx))
        return Sent()

    async def check(self, ctx: SendContext) -> list[Check]:
        """Is there a robot at the address? Posts an empty text, which WeCom refuses to show."""
        if not _key(ctx.config):
            return [Check("webhook_url", False, _BAD_URL)]
        try:
            await _post(ctx, {"msgtype": "text", "text": {"content": ""}})
        except BotBroken as error:
            return [Check("webhook_url", False, _GONE.format(why=str(error)))]
        except DeliveryError as error:
            if error.vendor_code not in _EMPTY_TEXT:
                return [Check("webhook_url", False, _NO_ANSWER.format(why=str(error)))]
        return [Check("webhook_url", True, _OK)]


def _messages(out: Outgoing) -> list[dict[str, Any]]:
    """The words of an answer: markdown where it draws something, else text."""
    card = replace(out.shown(), buttons=(), form=None)  # a click would reach nobody
    if not out.mention and (drawn := wecom_card.markdown_v2(card)):
        pieces = split(wecom_card.harmless(drawn), MARKDOWN_BYTES)
        return [{"msgtype": "markdown_v2", "markdown_v2": {"content": one}} for one in pieces]
    words = to_text(card, out.language) or to_text(out.shown(), out.language)
    text = wecom_card.harmless(words)
    texts = [{"content": one} for one in split(text, wecom_card.TEXT_BYTES)]
    named: list[dict[str, Any]] = [{"msgtype": "text", "text": one} for one in texts]
    if out.mention and named:
        named[0]["text"]["mentioned_list"] = [out.mention]
    return named


async def _step(ctx: SendContext, step: dict[str, Any] | Media) -> None:
    """One message, or one file."""
    await (_file(ctx, step) if isinstance(step, Media) else _post(ctx, step))


async def _file(ctx: SendContext, media: Media) -> None:
    """A picture travels in the message, everything else is uploaded first."""
    mime = media.mime.partition(";")[0].strip().lower()
    if mime in PICTURES and len(media.data) <= MAX_IMAGE:
        picture = {
            "base64": base64.b64encode(media.data).decode(),
            "md5": hashlib.md5(media.data).hexdigest(),  # noqa: S324 - the vendor's
        }
        try:
            await _post(ctx, {"msgtype": "image", "image": picture})
            return
        except ContentRefused:
            pass  # no picture to WeCom's eyes, but a file like any other
    _, media = fitted(media)
    name = file_name(media)
    if not MIN_FILE <= len(media.data) <= MAX_FILE:
        raise Permanent(f"the file {name} has a size that WeCom does not take")
    part = File(name, media.data, media.mime or "application/octet-stream")
    reply = await call(ctx.door, "POST", _upload_url(ctx), files={"media": part})
    media_id = _opened(reply).get("media_id")
    await _post(ctx, {"msgtype": "file", "file": {"media_id": media_id}})


async def _post(ctx: SendContext, message: dict[str, Any]) -> None:
    url = str(ctx.config["webhook_url"])
    _opened(await call(ctx.door, "POST", url, body=message, repeatable=False))


def _opened(reply: Reply) -> dict[str, Any]:
    code = reply.json().get("errcode")
    if code in _BROKEN:
        raise BotBroken(_BROKEN[code], vendor_code=str(code))
    if reply.status >= 500 and not isinstance(code, int):
        raise UnknownOutcome(f"HTTP {reply.status}")  # and a repeat would be seen
    return wecom_api.opened(reply)


def _key(config: Mapping[str, Any]) -> str:
    """The key in the address, "" when it is no address of a robot."""
    parts = urlsplit(str(config.get("webhook_url") or ""))
    if parts.scheme not in {"http", "https"} or not parts.path.endswith("/webhook/send"):
        return ""
    return parse_qs(parts.query).get("key", [""])[0]


def _upload_url(ctx: SendContext) -> str:
    parts = urlsplit(str(ctx.config["webhook_url"]))
    path = parts.path.removesuffix("send") + "upload_media"
    return urlunsplit(parts._replace(path=path, query=f"{parts.query}&type=file"))
