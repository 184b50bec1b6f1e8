"""DeepSeek. Source: api-docs.deepseek.com: guides/thinking_mode, quick_start/error_codes.

Thinks unless told not to; then temperature has no effect. A history with tool calls needs the
`reasoning_content` of every call, be it "", or is refused with 400 (also told by
github.com/sst/opencode#24722). Efforts are low, high and max; medium counts as high. Content is
refused with "Content Exists Risk" alone (github.com/deepseek-ai/DeepSeek-V2#30).
"""

from __future__ import annotations

from typing import ClassVar

from apps.core.i18n import Text, both
from apps.llm.errors import ContentIn
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks


class DeepSeek(Provider):
    """DeepSeek's own API."""

    name = "deepseek"
    labels = both("DeepSeek 深度求索", "DeepSeek")
    base_url = "https://api.deepseek.com"
    suggestions = ("deepseek-v4-flash", "deepseek-v4-pro")
    quirks = Quirks(
        json="object", switch="type", thinks=True, efforts=("low", "high", "high"),
        temperature_thinking=False, replay="reasoning", thinking_room=8192,
    )  # fmt: skip
    words: ClassVar = {"content exists risk": ContentIn}
    hint = both(
        "在 platform.deepseek.com 创建 API key；余额不足时返回 402。",
        "Make a key at platform.deepseek.com; without a balance it answers 402.",
    )

    def warnings(self, base_url: str, model: str) -> list[Text]:
        """The old names stand for models that change under them."""
        if model in {"deepseek-chat", "deepseek-reasoner"}:
            return [
                both(
                    f"{model} 是旧名称，请改用 deepseek-v4-flash 或 deepseek-v4-pro。",
                    f"{model} is an old name; use deepseek-v4-flash or deepseek-v4-pro.",
                )
            ]
        return []
