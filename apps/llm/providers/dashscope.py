"""Alibaba Cloud Model Studio (Bailian), the Qwen models.

Source: help.aliyun.com/zh/model-studio: compatibility-of-openai-with-dashscope, error-code. Errors
carry codes such as `Throttling.RateQuota`, on the compatible path also in lower case. Open-weight
Qwen3 models think in streams only ("enable_thinking must be set to false for non-streaming calls").
`tool_choice` knows auto and names, not `required`. Content is refused with words that differ:
`InternalError.Algo.DataInspectionFailed` (github.com/QwenLM/qwen-code#3145), "Output data may
contain inappropriate content" (github.com/langgenius/dify-official-plugins#1651).
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


class DashScope(Provider):
    """百炼 Model Studio, in the mainland or elsewhere by the address."""

    name = "dashscope"
    labels = both("阿里云百炼（通义千问）", "Alibaba Cloud Model Studio (Qwen)")
    base_url = "https://dashscope.aliyuncs.com/compatible-mode/v1"
    hosts = ("dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com", "maas.aliyuncs.com")
    abroad = ("dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com", "maas.aliyuncs.com")
    suggestions = ("qwen3.7-plus", "qwen3.8-max", "qwen-plus", "text-embedding-v4")
    quirks = Quirks(
        json="object", switch="enable", thinks=True, streams_to_think=True,
        tool_choices=("none", "named"), batch=10,
    )  # fmt: skip
    models = (
        ("*-vl*", {"vision": True}),
        ("qwen*-omni*", {"vision": True}),
        ("qwen3.[789]*", {"json": "schema"}),
        ("qwen[2-]*-instruct*", {"thinks": False}),
        ("*-thinking*", {"always_thinks": True}),
        ("qwq*", {"always_thinks": True}),
    )
    words: ClassVar = {
        "output data may contain": ContentOut,
        "output text data may contain": ContentOut,
        "may contain inappropriate content": ContentIn,
    }
    codes: ClassVar = {
        "InvalidApiKey": Auth,
        "invalid_api_key": Auth,
        "AccessDenied": Auth,
        "Arrearage": Balance,
        "AllocationQuota": Balance,
        "Throttling": Rate,
        "Throttling.AllocationQuota": Rate,  # of a minute; the other is that of what was paid for
        "limit_requests": Rate,
        "insufficient_quota": Rate,  # here it is the quota of a minute
        "DataInspectionFailed": ContentIn,
        "data_inspection_failed": ContentIn,
        "ServiceUnavailable": Overloaded,
        "InternalError": Overloaded,
        "InvalidParameter": BadRequest,
        "RequestTooLarge": TooLong,
    }
    hint = both(
        "在百炼控制台创建 API key；新加坡等地域的地址含业务空间编号，请照控制台填写。",
        "Make a key in the Model Studio console; other regions have their workspace's own address.",
    )
