"""SiliconFlow, which serves the open models of many. Source: docs.siliconflow.cn (error-code,
rate-limits): errors are `{"code", "message", "data"}` without an `error`, those of its front are
plain text; 20012 is an unknown model, 50505 an overloaded one."""

from __future__ import annotations

from typing import ClassVar

from apps.core.i18n import both
from apps.llm.errors import BadRequest, Balance, Overloaded
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks


class SiliconFlow(Provider):
    """硅基流动."""

    name = "siliconflow"
    labels = both("硅基流动", "SiliconFlow")
    base_url = "https://api.siliconflow.cn/v1"
    hosts = ("api.siliconflow.com",)
    abroad = ("api.siliconflow.com",)
    suggestions = ("deepseek-ai/DeepSeek-V4-Flash", "Qwen/Qwen3.5-397B-A17B", "BAAI/bge-m3")
    quirks = Quirks(json="object", switch="enable", tool_choices=("none",), batch=32)
    models = (
        ("*deepseek-v4*", {"thinks": True, "replay": "reasoning", "thinking_room": 8192}),
        ("*qwen3*", {"thinks": True, "thinking_room": 8192}),
        ("*glm-*", {"thinks": True, "thinking_room": 8192}),
        ("*-vl*", {"vision": True}),
    )
    codes: ClassVar = {
        "20012": BadRequest,
        "30001": Balance,
        "50501": Overloaded,
        "50505": Overloaded,
        "50507": Overloaded,
    }
    hint = both(
        "在 cloud.siliconflow.cn 创建 API key；模型名形如 机构/模型。",
        "Make a key at cloud.siliconflow.cn; models are named organisation/model.",
    )
