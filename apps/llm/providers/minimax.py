"""MiniMax. Source: platform.minimaxi.com/docs/api-reference/errorcode.md and
platform.minimax.io/docs/api-reference/text-openai-api, text-chat.

Errors come inside a 200, in `base_resp.status_code` (github.com/lobehub/lobe-chat#2087). What it
thought stands between `<think>` tags unless `reasoning_split` is asked for, and has to be sent
back as it came. Temperature 0 is outside its range. Its checks are strict: no `content: null`, one
system message, the first, and no `stream_options` (npm mimo2codex 0.4.10, doc/minimax.md).
"""

from __future__ import annotations

from typing import Any, ClassVar

from apps.core.i18n import both
from apps.llm.errors import (
    Auth,
    BadRequest,
    Balance,
    ContentIn,
    ContentOut,
    Overloaded,
    Rate,
    Timeout,
    TooLong,
)
from apps.llm.provider import Complaint, Provider
from apps.llm.quirks import Quirks


class MiniMax(Provider):
    """MiniMax 稀宇."""

    name = "minimax"
    labels = both("MiniMax 稀宇", "MiniMax")
    base_url = "https://api.minimaxi.com/v1"
    hosts = ("api.minimax.cn", "api.minimax.io", "api.minimax.chat")
    abroad = ("api.minimax.io",)
    suggestions = ("MiniMax-M3", "MiniMax-M2.7")
    quirks = Quirks(
        json="none", thinks=True, always_thinks=True, replay="raw", null_content=False,
        one_system=True, stream_usage=False, tool_choices=(), coolest=0.01, thinking_room=8192,
        extra={"reasoning_split": True},
    )  # fmt: skip
    models = (
        ("minimax-m3*", {"vision": True, "json": "schema"}),
        ("minimax-text*", {"extra": {}, "thinks": False, "always_thinks": False}),
        ("abab*", {"extra": {}, "thinks": False, "always_thinks": False}),
    )
    codes: ClassVar = {
        "1001": Timeout,
        "1002": Rate,
        "1004": Auth,
        "1008": Balance,
        "1024": Overloaded,
        "1026": ContentIn,
        "1027": ContentOut,
        "1033": Overloaded,
        "1039": TooLong,
        "1041": Rate,
        "2013": BadRequest,
        "2049": Auth,
    }
    hint = both(
        "在 platform.minimaxi.com 创建 API key；境外账号用 https://api.minimax.io/v1。",
        "Make a key at platform.minimaxi.com; accounts abroad use https://api.minimax.io/v1.",
    )

    def complaint(self, body: Any) -> Complaint | None:
        """An error is a `base_resp` whose status is not 0, whatever the HTTP status."""
        base = body.get("base_resp") if isinstance(body, dict) else None
        if isinstance(base, dict) and base.get("status_code") not in (0, None):
            return Complaint((str(base["status_code"]),), str(base.get("status_msg") or ""))
        return super().complaint(body)
