"""Zhipu GLM. Source: docs.bigmodel.cn (rate-limit, the API's finish reasons) and the list of codes
at docs.z.ai/api-reference/api-code.

Errors carry codes of their own: 1302 is one's own concurrency (it limits what is in flight, not
requests a second), 1305 the platform's load, 1301 content, 1113 money. The path ends in /v4. "Tool
choice must be auto" (github.com/vectorize-io/hindsight#4246).
"""

from __future__ import annotations

from typing import ClassVar

from apps.core.i18n import Text, both
from apps.llm.errors import Auth, BadRequest, Balance, ContentIn, Overloaded, Rate, TooLong
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks


class Zhipu(Provider):
    """智谱 BigModel, or Z.ai outside the mainland."""

    name = "zhipu"
    labels = both("智谱 GLM", "Zhipu GLM")
    base_url = "https://open.bigmodel.cn/api/paas/v4"
    hosts = ("api.z.ai",)
    abroad = ("api.z.ai",)
    suggestions = ("glm-5.2", "glm-5.3", "glm-5.3-flash", "embedding-3")
    quirks = Quirks(
        json="object", switch="type", thinks=True, tool_choices=(), replay="raw",
        thinking_room=8192,
    )  # fmt: skip
    models = (("glm-*v", {"vision": True}), ("glm-*v-*", {"vision": True}))
    codes: ClassVar = {
        **dict.fromkeys(("1000", "1001", "1002", "1003", "1004", "1220"), Auth),
        **dict.fromkeys(("1110", "1111", "1112", "1121"), Auth),
        "1113": Balance,
        "1210": BadRequest,
        "1211": BadRequest,
        "1261": TooLong,
        "1301": ContentIn,
        "1302": Rate,
        "1303": Rate,
        "1304": Balance,
        "1305": Overloaded,
        "1308": Rate,
        "1120": Overloaded,
        "1230": Overloaded,
        "1234": Overloaded,
    }
    hint = both(
        "在 bigmodel.cn 创建 API key；它限制的是并发数，请设置“同时进行”。",
        "Make a key at bigmodel.cn; it limits what is in flight, so set `in_flight`.",
    )

    def warnings(self, base_url: str, model: str) -> list[Text]:
        """Its path has a version of its own."""
        if base_url.rstrip("/").endswith("/v1"):
            return [both("智谱的地址以 /v4 结尾，不是 /v1。", "Its address ends in /v4, not /v1.")]
        return []
