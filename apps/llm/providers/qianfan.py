"""Baidu Qianfan, the ERNIE models. Source: cloud.baidu.com/doc/qianfan-api/s/Om9b4yj3w (codes).

The names of its two rate limits and its thinking switch are believed, not read. A header `appid`
splits the bill: set `headers` in a row's quirks.
"""

from __future__ import annotations

from typing import ClassVar

from apps.core.i18n import both
from apps.llm.errors import Auth, BadRequest, ContentIn, Overloaded, Rate, TooLong
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks


class Qianfan(Provider):
    """百度千帆 v2."""

    name = "qianfan"
    labels = both("百度千帆（文心）", "Baidu Qianfan (ERNIE)")
    base_url = "https://qianfan.baidubce.com/v2"
    suggestions = ("ernie-5.1", "deepseek-v4-flash")
    quirks = Quirks(json="object", switch="enable")
    models = (("*-vl*", {"vision": True}), ("ernie-5*", {"vision": True}))
    codes: ClassVar = {
        "invalid_iam_token": Auth,
        "invalid_model": BadRequest,
        "malformed_json": BadRequest,
        "unsafe_request": ContentIn,
        "tokens_too_long": TooLong,
        "rpm_rate_limit_exceeded": Rate,
        "tpm_rate_limit_exceeded": Rate,
        "preemptible_reach_rate_limit": Rate,
        "internal_error": Overloaded,
        "server_high_load": Overloaded,
    }
    hint = both(
        "在千帆控制台创建 API key（形如 bce-v3/ALTAK-…）；用“差异”里的 headers 可带 appid 分账。",
        "Make a key (bce-v3/ALTAK-…) in its console; `headers` of the quirks may carry an appid.",
    )
