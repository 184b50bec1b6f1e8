"""Volcengine Ark, the Doubao models. Source: www.volcengine.com/docs/82379/1299023 (error codes).

A model is named by a dated id or by an endpoint (`ep-…`) of one's own; the path ends in /v3.
"""

from __future__ import annotations

from typing import ClassVar

from apps.core.i18n import both
from apps.llm.errors import (
    Auth,
    BadRequest,
    Balance,
    ContentIn,
    ContentOut,
    Overloaded,
    Rate,
    TooLong,
)
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks


class Volcengine(Provider):
    """火山方舟 Ark."""

    name = "volcengine"
    labels = both("火山方舟（豆包）", "Volcengine Ark (Doubao)")
    base_url = "https://ark.cn-beijing.volces.com/api/v3"
    hosts = ("volces.com",)
    suggestions = ("doubao-seed-1-8-251228", "deepseek-v4-flash-ga-260731")
    quirks = Quirks(
        json="object", switch="type", thinks=True, replay="raw", thinking_room=8192,
        vision=False,
    )  # fmt: skip
    models = (("doubao-seed-*", {"vision": True, "json": "schema"}), ("*vision*", {"vision": True}))
    codes: ClassVar = {
        "AuthenticationError": Auth,
        "AccessDenied": Auth,
        "AccountOverdueError": Balance,
        "InvalidSubscription": Balance,
        "SensitiveContentDetected": ContentIn,
        "InputTextSensitiveContentDetected": ContentIn,
        "InputImageSensitiveContentDetected": ContentIn,
        "OutputTextSensitiveContentDetected": ContentOut,
        "OutofContextError": TooLong,
        "RateLimitExceeded": Rate,
        "QuotaExceeded": Rate,
        "SetLimitExceeded": Balance,
        "ServerOverloaded": Overloaded,
        "InternalServiceError": Overloaded,
        "InvalidEndpointOrModel": BadRequest,
    }
    hint = both(
        "在方舟控制台创建 API key；模型填带日期的编号，或自己的推理接入点 ep-…。",
        "Make a key in the Ark console; the model is a dated id, or your own endpoint ep-….",
    )
