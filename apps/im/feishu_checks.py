"""What Feishu says of the app itself: its scopes, its events, its callbacks.

Sources: open.feishu.cn, "Get application information" (`event`, `callback_info`) and "List scopes"
(`grant_status` 1 = granted), as in lark-oapi 1.7.5. The first needs the scope
application:application:self_manage; without it the traffic has to tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from apps.core.i18n import both
from apps.im import feishu_api
from apps.im.errors import DeliveryError
from apps.im.shapes import Check, SendContext

SCOPES = "/open-apis/application/v6/scopes"
APPLICATION = "/open-apis/application/v6/applications/"
EVENT, CALLBACK = "im.message.receive_v1", "card.action.trigger"
GRANTED = 1
#: One of each group is needed.
NEEDED = (
    ("im:message", "im:message:send_as_bot"),
    ("im:message.p2p_msg", "im:message.p2p_msg:readonly"),
    ("im:message.group_at_msg", "im:message.group_at_msg:readonly"),
)

_OK = both("正常", "fine")
_NO_SCOPE = both(
    "应用缺少权限 {names}，请在“权限管理”开通并发布版本",
    "the app lacks {names}; grant it under Permissions & scopes and publish a version",
)
_NO_EVENT = both(
    "没有订阅事件 {name}，请在“事件与回调 > 事件配置”添加并发布版本",
    "the event {name} is not subscribed; add it under Events & callbacks > Event configuration and "
    "publish a version",
)
_NO_CALLBACK = both(
    "没有配置卡片回调 {name}，按钮不会生效；请在“事件与回调 > 回调配置”添加",
    "the card callback {name} is not configured, so that buttons do nothing; add it under Events & "
    "callbacks > Callback configuration",
)
_ELSEWHERE = both(
    "平台把它发往 {url}，而本机器人的地址是 {address}",
    "the platform sends it to {url}, while this bot's address is {address}",
)


async def app(ctx: SendContext) -> list[Check]:
    """What is missing at the app; empty where Feishu does not let it be asked."""
    found = list(_scopes(await _ask(ctx, SCOPES)))
    path = APPLICATION + quote(str(ctx.config["app_id"]), safe="") + "?lang=zh_cn"
    app = (await _ask(ctx, path)).get("app")
    if isinstance(app, dict):
        found += _events(ctx, app)
        found += _callbacks(ctx, app)
    return found


async def _ask(ctx: SendContext, path: str) -> dict[str, Any]:
    try:
        data = (await feishu_api.request(ctx, "GET", path)).get("data")
    except DeliveryError:
        return {}  # not allowed to be asked, or away: nothing is known then
    return data if isinstance(data, dict) else {}


def _scopes(data: dict[str, Any]) -> Iterator[Check]:
    listed = data.get("scopes")
    if not isinstance(listed, list):
        return
    granted = {
        one.get("scope_name")
        for one in listed
        if isinstance(one, dict) and one.get("grant_status") == GRANTED
    }
    missing = [names[0] for names in NEEDED if not granted & set(names)]
    text = _NO_SCOPE.format(names=", ".join(missing)) if missing else _OK
    yield Check("scopes", not missing, text)


def _events(ctx: SendContext, app: dict[str, Any]) -> Iterator[Check]:
    event = app.get("event")
    if not isinstance(event, dict) or not isinstance(event.get("subscribed_events"), list):
        return
    if EVENT not in event["subscribed_events"]:
        yield Check("event_subscription", False, _NO_EVENT.format(name=EVENT))
    else:
        yield _address(ctx, "event_subscription", event)


def _callbacks(ctx: SendContext, app: dict[str, Any]) -> Iterator[Check]:
    callback = app.get("callback_info") or app.get("callback")
    if not isinstance(callback, dict):
        return
    subscribed = callback.get("subscribed_callbacks")
    if not isinstance(subscribed, list):
        return
    if CALLBACK not in subscribed:
        yield Check("card_callback", False, _NO_CALLBACK.format(name=CALLBACK))
    else:
        yield _address(ctx, "card_callback", callback)


def _address(ctx: SendContext, name: str, configured: dict[str, Any]) -> Check:
    """Does the platform send it to this bot? A proxy may give the address another form."""
    url, address = str(configured.get("request_url") or ""), ctx.facts.address
    if not url or not address or url.rstrip("/") == address.rstrip("/"):
        return Check(name, True, _OK)
    return Check(name, False, _ELSEWHERE.format(url=url, address=address), sure=False)
