"""Calls to Telegram's Bot API, and its refusals in our own words.

Source: core.telegram.org/bots/api, "Making requests"; errors carry `error_code`, `description`,
and `parameters` with `retry_after` or `migrate_to_chat_id`. The address of every call holds the
bot's token: it is never logged and never part of an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.core import strictjson
from apps.core.http import File, HttpError, Refused, Response, TooLarge, Unreachable
from apps.im.errors import BotBroken, DeliveryError, Later, Permanent, UnknownOutcome
from apps.im.shapes import SendContext

TIMEOUT_S = 10.0
MAX_ANSWER = 1024 * 1024
#: Of getUpdates: an update that quotes a long one, each with its entities, in JSON that escapes
#: what is no ASCII has some 100 KB.
MAX_UPDATES, MOST_UPDATES = 16 * 1024 * 1024, 50
#: A file that a bot may fetch: 20 MB.
MAX_FETCH = 20 * 1024 * 1024


class Moved(Permanent):
    """The group became another chat: {why}."""

    code = "telegram_moved"
    zh = "群已升级为另一个会话：{why}。"

    def __init__(self, why: str, chat_id: int) -> None:
        """`chat_id` is the new one."""
        self.chat_id = str(chat_id)
        super().__init__(why, vendor_code="400")


class NotModified(Permanent):
    """The message shows that already: {why}."""

    code = "telegram_same"
    zh = "消息内容没有变化：{why}。"


class NoThread(Permanent):
    """The topic is gone: {why}."""

    code = "telegram_thread"
    zh = "话题已不存在：{why}。"


class NotAllowed(Permanent):
    """This person or chat does not want to hear from the bot: {why}."""

    code = "telegram_blocked"
    zh = "对方没有开始对话或已屏蔽机器人：{why}。"


async def request(
    ctx: SendContext,
    method: str,
    body: Mapping[str, Any] | None = None,
    *,
    files: Mapping[str, File] | None = None,
    timeout_s: float = TIMEOUT_S,
    most: int = MAX_ANSWER,
) -> Any:
    """Call a method; with `files` the body goes along as a form. Returns `result`.

    `most` is the longest answer in bytes.

    Raises `Moved`, `NotModified`, `NoThread`, `NotAllowed`, `Permanent`, `BotBroken`, `Later`,
    `UnknownOutcome`.
    """
    url = f"{base(ctx)}/bot{_token(ctx)}/{method}"
    content: dict[str, Any] = {"json": dict(body or {})}
    if files:
        content = {"data": {k: _field(v) for k, v in (body or {}).items()}, "files": files}
    response = await _answered(ctx, "POST", url, timeout_s, most, content)
    return _opened(response)


async def fetch(ctx: SendContext, file_id: str, limit: int) -> bytes:
    """The bytes of a file that somebody sent. Raises as `request` does."""
    found = await request(ctx, "getFile", {"file_id": file_id})
    path = found.get("file_path") if isinstance(found, dict) else None
    if not isinstance(path, str) or ".." in path or path.startswith("/"):
        raise Permanent("Telegram names no path for this file")
    most = min(limit, MAX_FETCH)
    url = f"{base(ctx)}/file/bot{_token(ctx)}/{path}"
    response = await _answered(ctx, "GET", url, TIMEOUT_S, most, {})
    if response.status == 429 or response.status >= 500:
        raise Later(f"HTTP {response.status}", vendor_code=str(response.status))
    if not response.ok:
        raise Permanent(f"the file cannot be fetched: HTTP {response.status}")
    return response.body


def base(ctx: SendContext) -> str:
    """The address of the API, without a slash at its end."""
    return str(ctx.config.get("api_base") or "https://api.telegram.org")


def _field(value: Any) -> str:
    """A value as one field of a form: what is no text goes as JSON."""
    return value if isinstance(value, str) else strictjson.dumps(value)


def _token(ctx: SendContext) -> str:
    return str(ctx.config.get("token") or "")


async def _answered(
    ctx: SendContext, method: str, url: str, timeout_s: float, most: int, content: dict[str, Any]
) -> Response:
    try:
        return await ctx.door.request(
            method, url, configured=True, timeout=timeout_s, max_bytes=most,
            repeatable=method == "GET", **content,
        )  # fmt: skip
    except Unreachable as error:
        raise Later(str(error)) from error
    except Refused as error:
        raise Permanent(str(error)) from error
    except TooLarge as error:
        raise Permanent(f"larger than {most // 1024 // 1024} MB") from error
    except HttpError as error:
        raise UnknownOutcome(str(error)) from error


def _opened(response: Response) -> Any:
    try:
        answer = strictjson.loads(response.body)
    except strictjson.MalformedJson:
        answer = None
    if not isinstance(answer, dict):
        raise UnknownOutcome(f"HTTP {response.status} without JSON")
    if answer.get("ok") is True:
        return answer.get("result")
    parameters = answer.get("parameters")
    raise error_of(
        response.status,
        str(answer.get("description") or f"HTTP {response.status}")[:300],
        parameters if isinstance(parameters, dict) else {},
    )


def error_of(status: int, said: str, parameters: Mapping[str, Any]) -> DeliveryError:
    """What a refusal means. Words are looked at only where Telegram has no code of its own."""
    low = said.casefold()
    if status == 429:
        wait = parameters.get("retry_after")
        return Later(said, delay_s=float(wait) if type(wait) is int else 5.0, vendor_code="429")
    if status >= 500:
        return UnknownOutcome(said, vendor_code=str(status))
    if status in {401, 404}:
        return BotBroken(f"Telegram does not know this token: {said}", vendor_code=str(status))
    if status == 403:
        return NotAllowed(said, vendor_code="403")
    moved = parameters.get("migrate_to_chat_id")
    if type(moved) is int:
        return Moved(said, moved)
    if "message is not modified" in low:
        return NotModified(said, vendor_code=str(status))
    if "thread not found" in low or "topic_closed" in low or "topic_deleted" in low:
        return NoThread(said, vendor_code=str(status))
    return Permanent(said, vendor_code=str(status))
