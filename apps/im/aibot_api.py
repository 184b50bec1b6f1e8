"""The one HTTP call of a WeCom AI bot: the answer to a message through its `response_url`.

Source: path 101138, "主动回复消息": one POST within an hour, Markdown or (in a private chat) a
template card. Codes as in path 90313, "全局错误码"; only the code counts, the words change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.core import strictjson
from apps.core.http import HttpError, Refused, Response, Unreachable
from apps.im.aibot_events import API_HOST, trusted
from apps.im.calls import MAX_ANSWER, Reply
from apps.im.errors import Later, Permanent, UnknownOutcome
from apps.im.shapes import SendContext

API_BASE = f"https://{API_HOST}"
#: Try again later: busy, too many calls, too many at once.
LATER = frozenset({-1, 6000, 45009, 45011, 45033})
TIMEOUT_S = 8.0


class Rejected(Permanent):
    """WeCom refuses this answer: {why}."""

    code = "aibot_rejected"
    zh = "企业微信拒绝这条回复：{why}。"


class Unsure(Later):
    """WeCom failed, and may have taken it all the same: {why}."""

    code = "aibot_unsure"
    zh = "企业微信出错，但这条回复也可能已被接收：{why}。"


async def respond(ctx: SendContext, url: str, body: Mapping[str, Any]) -> None:
    """Answer through a `response_url`.

    Raises `Later` (certainly not taken, unless it is `Unsure`), `UnknownOutcome`, `Permanent`
    (the address may not be called) and `Rejected` (the platform said no).
    """
    configured = trusted(ctx.config, url)
    if configured is None:
        raise Permanent("the reply address leads elsewhere")
    try:
        response = await ctx.door.request(
            "POST",
            url,
            configured=configured,
            allow=[API_HOST],
            body=strictjson.dumps(body).encode(),
            headers={"content-type": "application/json; charset=utf-8"},
            timeout=TIMEOUT_S,
            max_bytes=MAX_ANSWER,
            repeatable=False,
        )
    except Unreachable as error:
        raise Later(str(error)) from error
    except Refused as error:
        raise Permanent(str(error)) from error
    except HttpError as error:
        raise UnknownOutcome(str(error)) from error
    _judge(response)


def _judge(response: Response) -> None:
    reply = Reply(response.status, response.headers, response.body)
    data = reply.json()
    code = data.get("errcode")
    wait = reply.seconds("retry-after")
    if reply.status == 429 or code in LATER:
        raise Later(_why(reply, data), delay_s=wait, vendor_code=str(code or ""))
    if reply.status >= 500:
        raise Unsure(_why(reply, data), delay_s=wait)
    if code == 0:
        return
    if not isinstance(code, int):
        raise UnknownOutcome(f"HTTP {reply.status} without a code")
    raise Rejected(_why(reply, data), vendor_code=str(code))


def _why(reply: Reply, data: Mapping[str, Any]) -> str:
    return str(data.get("errmsg") or f"HTTP {reply.status}")[:300]
