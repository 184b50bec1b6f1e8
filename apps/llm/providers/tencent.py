"""Tencent Cloud TokenHub. Source: cloud.tencent.com/document/product/1823/130078 (the protocol),
1729/131925 and 1823/131382 (the end of the old platform on 2026-09-30, of its ids on 2026-06-22).

It serves its own Hy models and those of others, so a row's quirks may have to say more.
"""

from __future__ import annotations

from apps.core.i18n import Text, both
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks

OLD_HOST = "hunyuan.cloud.tencent.com"


class Tencent(Provider):
    """腾讯云 TokenHub, which took the place of the Hunyuan platform."""

    name = "tencent"
    labels = both("腾讯云 TokenHub（混元）", "Tencent Cloud TokenHub (Hunyuan)")
    base_url = "https://tokenhub.tencentmaas.com/v1"
    hosts = ("tencentmaas.com", "tencentcloudmaas.com", OLD_HOST)
    abroad = ("tencentcloudmaas.com",)
    suggestions = ("hy3", "hy4-preview", "deepseek-v4-flash", "glm-5.2")
    quirks = Quirks(json="object", replay="raw")
    models = (
        ("deepseek-v4*", {"switch": "type", "thinks": True, "replay": "reasoning"}),
        ("glm-*", {"switch": "type", "thinks": True, "tool_choices": []}),
        ("kimi-*", {"switch": "type", "thinks": True, "replay": "reasoning", "temperature": False}),
    )
    hint = both("在 TokenHub 控制台创建 API key。", "Make a key in the TokenHub console.")

    def warnings(self, base_url: str, model: str) -> list[Text]:
        """The old platform is gone."""
        found = []
        if OLD_HOST in base_url:
            found.append(
                both(
                    "旧混元平台已于 2026-09-30 停止服务，请改用 https://tokenhub.tencentmaas.com/v1。",
                    "The old Hunyuan platform ended on 2026-09-30; use "
                    "https://tokenhub.tencentmaas.com/v1.",
                )
            )
        if model.startswith("hunyuan-"):
            found.append(
                both(
                    "hunyuan-* 模型编号已停用，请改用 hy3 等。",
                    "The hunyuan-* ids have ended; use hy3 or another.",
                )
            )
        return found
