"""Asks WeCom what is missing for an app to receive and to answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.core.i18n import Text, both
from apps.im import wecom_api
from apps.im.errors import DeliveryError
from apps.im.shapes import Check, SendContext
from apps.im.wecom_crypto import BadKey, aes_key

NO_IP = "60020"

OK = both("正常", "fine")
_MISSING = both("缺少 {name}", "{name} is missing")
_NO_TOKEN = both(
    "缺少 token：没有它就无法核实收到的消息",
    "token is missing: without it nothing that is received can be verified",
)
_BAD_KEY = both(
    "encoding_aes_key 应为 43 个字母和数字，请从“接收消息 > 设置 API 接收”完整复制",
    "encoding_aes_key must be 43 letters and digits; copy all of it from Receive messages > API",
)
_BAD_AGENT = both("agent_id 应为数字", "agent_id must be a number")
_BAD_SECRET = both(
    "企业微信不认这个 secret（40001），请在应用页面重新查看：{why}",
    "WeCom refuses the secret (40001); look it up on the app's page: {why}",
)
_BAD_CORP = both(
    "企业微信不认这个 corp_id（40013），企业 ID 在“我的企业”页面底部：{why}",
    "WeCom refuses the corp_id (40013); it is at the bottom of My Company: {why}",
)
_NO_ANSWER = both("取不到访问令牌：{why}", "no access token: {why}")
_UNTRUSTED = both(
    "本服务器的出口 IP {ip} 不在应用的“企业可信 IP”里（60020），请在应用页面添加",
    "this server calls from {ip}, which is not among the app's trusted IPs (60020); add it there",
)
_UNKNOWN_IP = both("（未知）", "(an unknown address)")
_NO_AGENT = both(
    "secret 不属于 agent_id 为 {agent} 的应用，或没有这个应用：{why}",
    "there is no app {agent}, or the secret is another app's: {why}",
)
_CLOSED = both("应用已停用，请在管理后台启用", "the app is disabled; enable it in the console")
_NOBODY = both(
    "应用的可见范围是空的，没有人能看到它，请在应用页面设置",
    "the app's visible range is empty, so nobody can see it; set it on the app's page",
)


def against_enabling(config: Mapping[str, Any]) -> list[Text]:
    """Why what is received could not be verified; nothing when it can."""
    problems = [] if config.get("token") else [_NO_TOKEN]
    try:
        aes_key(str(config.get("encoding_aes_key") or ""))
    except BadKey:
        problems.append(_BAD_KEY)
    return problems


async def check(ctx: SendContext) -> list[Check]:
    """Everything that is right or missing, in the order in which it is to be mended."""
    found = _shapes(ctx.config)
    if all(one.ok for one in found if one.name in {"corp_id", "agent_id", "secret"}):
        found += await _asked(ctx)
    return found


def _shapes(config: Mapping[str, Any]) -> list[Check]:
    found = [
        Check(name, False, _MISSING.format(name=name))
        for name in ("corp_id", "agent_id", "secret")
        if not config.get(name)
    ]
    agent = str(config.get("agent_id") or "")
    if agent and not (agent.isascii() and agent.isdigit()):
        found.append(Check("agent_id", False, _BAD_AGENT))
    problems = against_enabling(config)
    for name, problem in (("token", _NO_TOKEN), ("encoding_aes_key", _BAD_KEY)):
        wrong = problem in problems
        found.append(Check(name, not wrong, problem if wrong else OK))
    return found


async def _asked(ctx: SendContext) -> list[Check]:
    """What WeCom itself says about the credentials and the app."""
    try:
        await wecom_api.fetch_token(ctx)
    except DeliveryError as error:
        return [_refused(error)]
    return [Check("secret", True, OK), *await _app(ctx)]


def _refused(error: DeliveryError) -> Check:
    match error.vendor_code:
        case "40001" | "40091":
            return Check("secret", False, _BAD_SECRET.format(why=str(error)))
        case "40013":
            return Check("corp_id", False, _BAD_CORP.format(why=str(error)))
        case code if code == NO_IP:
            return _untrusted(error)
        case _:
            return Check("secret", False, _NO_ANSWER.format(why=str(error)))


def _untrusted(error: DeliveryError) -> Check:
    seen = wecom_api.own_address(error)
    return Check("trusted_ip", False, _UNTRUSTED.format(ip=seen or _UNKNOWN_IP))


async def _app(ctx: SendContext) -> list[Check]:
    agent = str(ctx.config["agent_id"])
    try:
        app = await wecom_api.request(ctx, "GET", wecom_api.AGENT_PATH, params={"agentid": agent})
    except DeliveryError as error:
        if error.vendor_code == NO_IP:
            return [_untrusted(error)]
        return [Check("agent_id", False, _NO_AGENT.format(agent=agent, why=str(error)))]
    found = [Check("trusted_ip", True, OK), Check("agent_id", True, OK)]
    if app.get("close") == 1:
        found.append(Check("app", False, _CLOSED))
    seen = any(
        _list(app, holder, name)
        for holder, name in (
            ("allow_userinfos", "user"),
            ("allow_partys", "partyid"),
            ("allow_tags", "tagid"),
        )
    )
    return [*found, Check("visible_range", seen, OK if seen else _NOBODY)]


def _list(app: Mapping[str, Any], holder: str, name: str) -> list[Any]:
    value = app.get(holder)
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, list) else []
