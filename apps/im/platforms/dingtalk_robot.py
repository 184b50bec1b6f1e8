"""DingTalk's custom robot of a group: an address with a key, to which messages are posted.

It only delivers (a schedule's report, an alarm) and never hears anything. Source:
open.dingtalk.com, "自定义机器人接入" and its security settings: 20 messages a minute, or silence
for ten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlencode

from apps.core import clock
from apps.core.i18n import Text, both
from apps.im import attempt, dingtalk_api, dingtalk_card, dingtalk_crypto
from apps.im.base import (
    Abilities,
    BotBroken,
    Check,
    DeliveryError,
    Outgoing,
    Permanent,
    Platform,
    SendContext,
    Sent,
    Setting,
)
from apps.im.calls import call
from apps.im.dingtalk_hosts import OAPI, REPLY_HOSTS, trust

#: The robot is gone, or its address was never one.
_NO_ROBOT = frozenset({"300001", "300005", "400101", "400102"})
_SECURITY = "310000"
_OK = both("正常", "fine")
_NEEDED = both("缺少 webhook_url", "webhook_url is missing")
_FOREIGN = both(
    "webhook_url 应是 https://oapi.dingtalk.com/robot/send?access_token=… 这样的地址",
    "webhook_url has to be an address like https://oapi.dingtalk.com/robot/send?access_token=…",
)
_SIGN = both(
    "被机器人的安全设置拒绝：请核对 secret（SEC…）、本机时钟、关键词和 IP 白名单（{why}）",
    "refused by the robot's security settings: compare secret (SEC…), this machine's clock, the "
    "keyword and the list of IPs ({why})",
)
_GONE = both(
    "webhook_url 不正确，或机器人已被移除：{why}",
    "webhook_url is wrong or the robot was removed: {why}",
)
_WHY = both("{why}", "{why}")


class DingTalkRobot(Platform):
    """Delivers to one group; whoever has the address may post, so it is kept as a secret."""

    name = "dingtalk_robot"
    labels = both("钉钉群机器人（只发送）", "DingTalk group robot (sends only)")
    api_base = OAPI
    abilities = Abilities(receives=False, private=False, chat_rates=((20, 60),))
    settings: ClassVar = (
        Setting(
            "webhook_url",
            both("Webhook 地址", "Webhook address"),
            secret=True,
            required=True,
            kind="url",
            help=both("含有 access_token，等同密码。", "Holds a key; treat it as a password."),
        ),
        Setting(
            "secret",
            both("加签密钥（SEC…）", "Signing secret (SEC…)"),
            secret=True,
            help=both("机器人安全设置里的“加签”。", "Security settings > Sign."),
        ),
    )
    steps = both(
        "1. 群设置 > 机器人 > 添加机器人 > 自定义。\n"
        "2. 安全设置选“加签”，把地址和 SEC… 密钥填到这里（用“关键词”时，消息里必须含有它）。\n"
        "3. 把定时任务发到群里：schedule add … --chat dingtalk_robot:<代号>:group",
        "1. Group settings > Robots > Add > Custom.\n"
        "2. Choose Sign under its security settings; enter address and SEC… secret here (with a "
        "keyword, each message has to hold it).\n"
        "3. Send a schedule there: schedule add … --chat dingtalk_robot:<slug>:group",
    )

    def can_enable(self, config: Mapping[str, Any]) -> list[Text]:
        """It hears nothing, so there is nothing to verify; it needs somewhere to post to."""
        url = str(config.get("webhook_url") or "")
        if not url:
            return [_NEEDED]
        return [] if trust(config, url, REPLY_HOSTS) else [_FOREIGN]

    async def send(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Post the answer as Markdown, in as many pieces as it needs.

        DingTalk knows no repeats here; pieces that are shown already are not posted again.
        """
        known = attempt.shown(out.context)
        out = replace(out, repeat=out.repeat and not known)  # the same pieces as before
        card = replace(out.shown(), buttons=(), form=None)  # a click would reach nobody
        head = dingtalk_card.title(card, out.language)
        texts = dingtalk_card.pieces(dingtalk_card.markdown(card, out.language), head)
        bodies = [
            {"msgtype": "markdown", "markdown": {"title": head, "text": text}} for text in texts
        ]
        await attempt.go_on(out.context, bodies, partial(_post, ctx))
        return Sent()

    async def check(self, ctx: SendContext) -> list[Check]:
        """Is there a robot at the address? Posts an empty body, which DingTalk does not show."""
        problems = self.can_enable(ctx.config)
        if problems:
            return [Check("webhook_url", False, problems[0])]
        try:
            await _post(ctx, {})
        except BotBroken as error:
            mend, name = (_GONE, "webhook_url")
            if error.vendor_code == _SECURITY:
                mend, name = (_SIGN, "secret")
            return [Check(name, False, mend.format(why=str(error)))]
        except Permanent:
            pass  # refused for being empty
        except DeliveryError as error:
            return [Check("webhook_url", False, _WHY.format(why=str(error)))]
        return [Check("webhook_url", True, _OK)]


async def _post(ctx: SendContext, body: dict[str, Any]) -> None:
    url, secret = str(ctx.config["webhook_url"]), str(ctx.config.get("secret") or "")
    vouched = trust(ctx.config, url, REPLY_HOSTS)
    if vouched is None:
        raise BotBroken(_FOREIGN.en)
    if secret:
        stamp = str(int(clock.timestamp() * 1000))
        sign = dingtalk_crypto.robot_sign(stamp, secret)
        url += ("&" if "?" in url else "?") + urlencode({"timestamp": stamp, "sign": sign})
    allow = None if vouched == "configured" else REPLY_HOSTS
    reply = await call(ctx.door, "POST", url, body=body, repeatable=False, allow=allow)
    try:
        dingtalk_api.old_opened(reply)
    except DeliveryError as error:
        # A keyword may stand in the next message; a wrong secret or address stays wrong.
        about_words = "keyword" in str(reply.json().get("errmsg", "")).lower()
        if error.vendor_code in _NO_ROBOT | {_SECURITY} and not about_words:
            raise BotBroken(str(error), vendor_code=error.vendor_code) from error
        raise
