"""Feishu's custom bot of a group: an address with a key, to which messages are posted.

It only delivers (a schedule's report, an alarm) and never hears anything. Source: open.feishu.cn,
"Custom bot usage guide": 100 messages a minute, 5 a second, 20 KB each.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from apps.core import clock
from apps.core.i18n import Text, both
from apps.im import attempt, feishu_card
from apps.im.base import (
    Abilities,
    BotBroken,
    Check,
    DeliveryError,
    Later,
    Outgoing,
    Permanent,
    Platform,
    SendContext,
    Sent,
    Setting,
    UnknownOutcome,
)
from apps.im.calls import Reply, call
from apps.im.fitting import fit

MAX_BODY = 20_000
_LATER = frozenset({11232, 9500})
#: What the group's robot page has to say about a refusal.
_BROKEN = {
    19001: both(
        "webhook_url 不正确或机器人已被移除", "webhook_url is wrong or the bot was removed"
    ),
    19021: both(
        "签名不正确：请核对 secret 和本机时钟", "wrong signature: compare secret and clock"
    ),
    19022: both("本机 IP 不在机器人的白名单", "this machine's IP is not on the bot's list"),
}
_KEYWORD = 19024
_OK = both("正常", "fine")
_NEEDED = both("缺少 webhook_url", "webhook_url is missing")
_NO_ANSWER = both("{why}", "{why}")


class FeishuRobot(Platform):
    """Delivers to one group; whoever has the address may post, so it is kept as a secret."""

    name = "feishu_robot"
    labels = both("飞书群机器人（只发送）", "Feishu group robot (sends only)")
    abilities = Abilities(receives=False, chat_rates=((5, 1), (100, 60)), private=False)
    settings: ClassVar = (
        Setting(
            "webhook_url",
            both("Webhook 地址", "Webhook address"),
            secret=True,
            required=True,
            kind="url",
            help=both("含有密钥，等同密码。", "Holds a key; treat it as a password."),
        ),
        Setting(
            "secret",
            both("签名校验密钥", "Signature secret"),
            secret=True,
            help=both("机器人安全设置里的“签名校验”。", "Security settings > Signature."),
        ),
    )
    steps = both(
        "1. 群设置 > 群机器人 > 添加自定义机器人。\n"
        "2. 安全设置选“签名校验”，把地址和密钥填到这里。\n"
        "3. 把定时任务发到群里：schedule add … --chat feishu_robot:<代号>:group",
        "1. Group settings > Bots > Add a custom bot.\n"
        "2. Choose Signature under its security settings; enter address and secret here.\n"
        "3. Send a schedule there: schedule add … --chat feishu_robot:<slug>:group",
    )

    def can_enable(self, config: Mapping[str, Any]) -> list[Text]:
        """It hears nothing, so there is nothing to verify; it needs somewhere to post to."""
        return [] if config.get("webhook_url") else [_NEEDED]

    async def send(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Post a card, and the whole answer as texts when it was too long for one.

        Feishu knows no repeats here; pieces that are shown already are not posted again.
        """
        known = attempt.shown(out.context)
        out = replace(out, repeat=out.repeat and not known)  # the same pieces as before
        card = replace(out.shown(), buttons=(), form=None)  # a click would reach nobody
        limits = replace(feishu_card.LIMITS, max_bytes=MAX_BODY - 2_000)
        fitted = fit(card, limits, out.language)
        bodies: list[dict[str, Any]] = [
            {"msg_type": "interactive", "card": feishu_card.render(fitted.card)}
        ]
        bodies += [{"msg_type": "text", "content": {"text": piece}} for piece in fitted.rest]
        await attempt.go_on(out.context, bodies, partial(_post, ctx))
        return Sent()

    async def check(self, ctx: SendContext) -> list[Check]:
        """Is there a robot at the address? Posts an empty body, which Feishu refuses to show."""
        try:
            reply = await call(ctx.door, "POST", str(ctx.config["webhook_url"]), body={})
        except DeliveryError as error:
            return [Check("webhook_url", False, _NO_ANSWER.format(why=str(error)))]
        code = _code(reply)
        problem = _BROKEN.get(code) if code != 19021 else None
        return [Check("webhook_url", problem is None, problem or _OK)]


async def _post(ctx: SendContext, body: dict[str, Any]) -> None:
    secret = str(ctx.config.get("secret") or "")
    signed = _signed(secret, str(int(clock.timestamp()))) if secret else {}
    url = str(ctx.config["webhook_url"])
    _check(await call(ctx.door, "POST", url, body=signed | body, repeatable=False))


def _signed(secret: str, stamp: str) -> dict[str, str]:
    """The key is the timestamp and the secret, the message is empty."""
    mac = hmac.digest(f"{stamp}\n{secret}".encode(), b"", "sha256")
    return {"timestamp": stamp, "sign": base64.b64encode(mac).decode()}


def _code(reply: Reply) -> int:
    data = reply.json()
    code = data.get("code", data.get("StatusCode"))
    return code if isinstance(code, int) else -1


def _check(reply: Reply) -> None:
    code, said = _code(reply), str(reply.json().get("msg") or f"HTTP {reply.status}")[:300]
    if reply.status == 429 or code in _LATER:
        raise Later(said, delay_s=reply.seconds("retry-after") or 5.0, vendor_code=str(code))
    if reply.status >= 500 or code == -1:
        raise UnknownOutcome(said)
    if code in _BROKEN:
        raise BotBroken(f"{_BROKEN[code].en}: {said}", vendor_code=str(code))
    if code == _KEYWORD:
        raise Permanent(f"the robot wants a keyword that is not in the text: {said}")
    if code != 0:
        raise Permanent(said, vendor_code=str(code))
