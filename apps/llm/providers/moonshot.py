"""Moonshot Kimi. Source: platform.kimi.com/docs/api/errors and /models-overview.

The kind of an error is in `error.type`. Models that think take the temperature 1 only ("invalid
temperature: only 1 is allowed for this model"), K3 cannot be told not to think, and histories with
calls need their `reasoning_content`. Without a balance it answers 403. A named `tool_choice` "is
incompatible with thinking enabled" (github.com/can1357/oh-my-pi#827); K3 takes `required` (#5994).
"""

from __future__ import annotations

from typing import ClassVar

from apps.core.i18n import both
from apps.llm.errors import Auth, Balance, ContentIn, Overloaded, Rate
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks


class Moonshot(Provider):
    """月之暗面 Kimi; keys of the mainland and of kimi.ai do not cross."""

    name = "moonshot"
    labels = both("月之暗面 Kimi", "Moonshot Kimi")
    base_url = "https://api.moonshot.cn/v1"
    hosts = ("api.moonshot.ai",)
    abroad = ("api.moonshot.ai",)
    suggestions = ("kimi-k3", "kimi-k2.6", "kimi-k2.7-code")
    quirks = Quirks(
        json="object", switch="type", thinks=True, temperature=False, replay="reasoning",
        tool_choices=("none",), thinking_room=16384,
    )  # fmt: skip
    models = (
        ("kimi-k2.[5-9]*", {"vision": True}),
        ("kimi-k3*", {"vision": True, "always_thinks": True, "switch": "effort",
                      "tool_choices": ["none", "required"], "efforts": ["low", "high", "high"]}),
        ("moonshot-v1*", {"thinks": False, "switch": "", "temperature": True, "replay": "plain",
                          "thinking_room": 0}),
        ("*-vision*", {"vision": True}),
    )  # fmt: skip
    codes: ClassVar = {
        "content_filter": ContentIn,
        "invalid_authentication_error": Auth,
        "incorrect_api_key_error": Auth,
        "permission_denied_error": Auth,
        "rate_limit_reached_error": Rate,
        "exceeded_current_quota_error": Balance,
        "engine_overloaded_error": Overloaded,
    }
    hint = both(
        "在 platform.kimi.com 创建 API key；platform.kimi.ai 的 key 只能用于 api.moonshot.ai。",
        "Make a key at platform.kimi.com; those of platform.kimi.ai work at api.moonshot.ai only.",
    )
