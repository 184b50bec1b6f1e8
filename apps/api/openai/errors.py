"""Errors in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

import math
from typing import Any

from apps.accounts.errors import Forbidden
from apps.api.openai.reply import Reply
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.llm.errors import UnknownModel

#: Where nobody said how long: our own guess, in seconds.
RETRY_S = 5
_INTERNAL = both("服务器内部出错，已记录。", "Something broke here; it was logged.")
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {
    "limited": "rate_limit_exceeded",
    "rate": "rate_limit_exceeded",
    "over_budget": "insufficient_quota",
    "unknown_model": "model_not_found",
    "no_model": "model_not_found",
    "content_in": "content_filter",
    "content_out": "content_filter",
    "too_long": "context_length_exceeded",
}


class BadBody(ClawdbotError):
    """{why}"""

    code = "invalid_request"
    zh = "{why}"
    http_status = 400
    permanent = True

    def __init__(self, why: Text, param: str = "") -> None:
        """`param` names the place in the body."""
        self.param = param
        super().__init__(why=why)


class NoToken(ClawdbotError):
    """The token is missing, unknown, or has expired. Send: Authorization: Bearer <token>"""

    code = "invalid_api_key"
    zh = "缺少令牌，或令牌无效、已过期。请发送：Authorization: Bearer <令牌>"
    http_status = 401
    permanent = True


class NoSuchPath(ClawdbotError):
    """There is nothing at this address. There are POST /v1/chat/completions, GET /v1/models."""

    code = "not_found"
    zh = "没有这个地址。可用的有 POST /v1/chat/completions 和 GET /v1/models。"
    http_status = 404
    permanent = True


class TooLarge(ClawdbotError):
    """The body is larger than {limit} MiB."""

    code = "too_large"
    zh = "请求体超过 {limit} MiB。"
    http_status = 413
    permanent = True


class TooMuchText(ClawdbotError):
    """The messages have more than {limit} characters."""

    code = "context_length_exceeded"
    zh = "消息超过 {limit} 个字符。"
    http_status = 413
    permanent = True


class Crowded(ClawdbotError):
    """Too many calls are under way, of yours or of all. Please try again in a moment."""

    code = "overloaded"
    zh = "进行中的调用过多（你的，或者所有人的），请稍后再试。"
    http_status = 503


def refusal(error: ClawdbotError, language: str) -> Reply:
    """The answer that tells of an expected error."""
    status = _status(error)
    headers = {"www-authenticate": 'Bearer realm="ClawdBot"'} if status == 401 else {}
    if status in {429, 503}:
        after = getattr(error, "after", None)
        headers["retry-after"] = str(RETRY_S if after is None else max(1, math.ceil(after)))
    return Reply(status, body(error, language), headers)


def broken(language: str) -> Reply:
    """The answer to what nobody expected; the log has the rest."""
    return Reply(500, _body(_INTERNAL.in_(language), "server_error", None, "internal_error"))


def body(error: ClawdbotError, language: str) -> dict[str, Any]:
    """An error as OpenAI words it."""
    status = _status(error)
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    param = "model" if isinstance(error, Forbidden | UnknownModel) else None
    if isinstance(error, BadBody):
        param = error.param or None
    return _body(error.text(language), kind, param, _CODES.get(error.code, error.code))


def _status(error: ClawdbotError) -> int:
    # What a model does not accept is what the caller sent.
    return 400 if error.code == "bad_request" else error.http_status


def _body(message: str, kind: str, param: str | None, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
