"""iFlytek Spark. Source: www.xfyun.cn/doc/spark/X1http.html and HTTP调用文档.html.

Every answer has a `code`, and 0 is none; the last piece of a stream may lack `finish_reason`. The
key is the console's APIPassword, or `key:secret`. The X models are at /v2. Temperature 0 is outside
its range.
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
    TooLong,
)
from apps.llm.provider import Complaint, Provider
from apps.llm.quirks import Quirks


class Iflytek(Provider):
    """讯飞星火 Spark."""

    name = "iflytek"
    labels = both("讯飞星火", "iFlytek Spark")
    base_url = "https://spark-api-open.xf-yun.com/v1"
    hosts = ("xf-yun.com",)
    suggestions = ("4.0Ultra", "generalv3.5", "x1")
    quirks = Quirks(json="object", stream_usage=False, tool_choices=("none",), coolest=0.01)
    models = (("x[1-9]*", {"thinks": True, "switch": "type", "thinking_room": 8192}),)
    codes: ClassVar = {
        "10003": BadRequest,
        "10004": BadRequest,
        "10005": BadRequest,
        "10007": Rate,
        "10012": Overloaded,
        "10013": ContentIn,
        "10014": ContentOut,
        "10019": ContentIn,
        "10110": Overloaded,
        "10907": TooLong,
        "11200": Balance,
        "11201": Rate,
        "11202": Rate,
        "11203": Rate,
        "11221": Auth,
    }
    hint = both(
        "密钥是控制台的 APIPassword；X1 等推理模型的地址是 https://spark-api-open.xf-yun.com/v2。",
        "The key is the console's APIPassword; X models are at https://spark-api-open.xf-yun.com/v2.",
    )

    def complaint(self, body: Any) -> Complaint | None:
        """An error is a `code` that is not 0, whatever the HTTP status."""
        code = body.get("code") if isinstance(body, dict) else None
        if code not in (None, 0, "0"):
            return Complaint((str(code),), str(body.get("message") or ""))
        return super().complaint(body)
