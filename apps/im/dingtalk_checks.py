"""Asks DingTalk what a bot is missing: credentials, permissions, its robot, its card template.

Permissions are tried by calls that cannot do anything: what is refused for its empty parameters is
permitted.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

from apps.core.i18n import Text, both
from apps.im import dingtalk_api, dingtalk_files, dingtalk_send, dingtalk_stream
from apps.im.dingtalk_api import NOT_LISTED, CardExists, NoScope, said
from apps.im.errors import BotBroken, DeliveryError, Later, Permanent, UnknownOutcome
from apps.im.shapes import Check, SendContext

OK = both("正常", "fine")
MISSING = both("缺少 {name}", "{name} is missing")
_SECRET = both(
    "取不到访问令牌，请核对 app_key（Client ID）和 app_secret（Client Secret）：{why}",
    "no access token; compare app_key (Client ID) and app_secret (Client Secret): {why}",
)
_NOT_LISTED = both(
    "本机出口 IP 不在应用的“服务器出口 IP”白名单里，请在开发者后台“安全设置”添加：{why}",
    "this machine's outgoing IP is not on the app's list; add it under Security settings in the "
    "developer console: {why}",
)
_UNREACHABLE = both("连不上钉钉：{why}", "DingTalk cannot be reached: {why}")
_ROBOT = both(
    "机器人不存在、未发布，或 robot_code 不对（内部应用填 app_key 或留空）：{why}",
    "there is no such robot, it is not published, or robot_code is wrong (for an internal app the "
    "app_key, or nothing): {why}",
)
_NO_TEMPLATE = both(
    "没有设置 card_template_id：回答没有按钮，进度不能原地更新（见文档里的卡片模板）",
    "card_template_id is not set: answers have no buttons and progress is not updated in place "
    "(see the card template in the docs)",
)
_TEMPLATE = both(
    "卡片模板 {id} 不存在、未发布，或没有授权给这个应用：{why}",
    "the card template {id} does not exist, is not published, or is not this app's: {why}",
)
_CALLBACK = both(
    "卡片点击的回调地址没有登记成功：{why}", "the address for clicks could not be registered: {why}"
)
_EVENTS = both(
    "event_token 和 event_aes_key 要么都填，要么都不填",
    "event_token and event_aes_key: fill in both or neither",
)
#: (the name of the finding, the call, its empty parameters)
_PROBES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("write_to_people", "POST", dingtalk_send.TO_PERSON, {"userIds": [], "msgKey": ""}),
    ("write_to_groups", "POST", dingtalk_send.TO_GROUP, {"openConversationId": "", "msgKey": ""}),
    ("fetch_files", "POST", dingtalk_files.DOWNLOAD, {"downloadCode": ""}),
)


async def check(ctx: SendContext) -> list[Check]:
    """Everything that DingTalk's API tells. Raises nothing of the platform's."""
    missing = [name for name in ("app_key", "app_secret") if not ctx.config.get(name)]
    if missing:
        return [Check(name, False, MISSING.format(name=name)) for name in missing]
    found = [await _credentials(ctx)]
    if not found[0].ok:
        return found
    found += [one async for one in _permissions(ctx)]
    found += [one async for one in _cards(ctx)]
    if ctx.config.get("connection") == "stream":
        found.append(await _stream(ctx))
    if bool(ctx.config.get("event_token")) != bool(ctx.config.get("event_aes_key")):
        found.append(Check("event_subscription", False, _EVENTS))
    return found


async def _credentials(ctx: SendContext) -> Check:
    try:
        await dingtalk_api.fetch_token(ctx)
    except BotBroken as error:
        if error.vendor_code in NOT_LISTED:
            return Check("ip_whitelist", False, _NOT_LISTED.format(why=str(error)))
        return Check("app_secret", False, _SECRET.format(why=str(error)))
    except DeliveryError as error:
        return Check("app_secret", False, _UNREACHABLE.format(why=str(error)))
    return Check("app_secret", True, OK)


async def _permissions(ctx: SendContext) -> AsyncIterator[Check]:
    """One finding for each thing that the robot has to be allowed to do."""
    robot: Check | None = None
    for name, method, path, empty in _PROBES:
        body = {"robotCode": dingtalk_api.robot_code(ctx), "msgParam": "{}", **empty}
        if path == dingtalk_files.DOWNLOAD:
            del body["msgParam"]
        try:
            await dingtalk_api.request(ctx, method, path, body, repeatable=True)
        except BotBroken as error:
            robot = robot or _refused(error)
        except NoScope as error:
            yield Check(name, False, said(error))
            continue
        except (Later, UnknownOutcome) as error:
            yield Check(name, False, _UNREACHABLE.format(why=str(error)), sure=False)
            continue
        except Permanent:
            pass  # refused for what it lacks, and for nothing else
        yield Check(name, True, OK)
    yield robot or Check("robot_code", True, OK)


def _refused(error: BotBroken) -> Check:
    if error.vendor_code in NOT_LISTED:
        return Check("ip_whitelist", False, _NOT_LISTED.format(why=str(error)))
    return Check("robot_code", False, _ROBOT.format(why=str(error)))


async def _cards(ctx: SendContext) -> AsyncIterator[Check]:
    """Is the template there, and do clicks on its cards find their way back?"""
    template = str(ctx.config.get("card_template_id") or "")
    if not template:
        yield Check("card_template_id", True, _NO_TEMPLATE)
        return
    yield await _card_template(ctx, template)
    if ctx.config.get("connection") != "stream" and ctx.facts.address:
        yield await _asked("card_callback", dingtalk_send.register(ctx), _CALLBACK)


async def _card_template(ctx: SendContext, template: str) -> Check:
    """Make a card that is shown to nobody; its id is the same each time, so that one is made."""
    mark = hashlib.sha256(template.encode()).hexdigest()[:16]
    body = {
        "cardTemplateId": template,
        "outTrackId": f"clawdbot-check-{mark}",
        "cardData": {"cardParamMap": {"title": "check", "markdown": "", "btns": "[]"}},
    }
    made = dingtalk_api.request(ctx, "POST", dingtalk_send.CARDS, body, repeatable=True)
    return await _asked("card_template_id", made, _TEMPLATE, id=template)


async def _stream(ctx: SendContext) -> Check:
    return await _asked("stream", dingtalk_stream.endpoint(ctx), _UNREACHABLE)


async def _asked(name: str, asked: Any, mend: Text, **params: str) -> Check:
    try:
        await asked
    except CardExists:
        pass
    except NoScope as error:
        return Check(name, False, said(error))
    except DeliveryError as error:
        return Check(name, False, mend.format(why=str(error), **params))
    return Check(name, True, OK)
