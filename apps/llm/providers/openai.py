"""OpenAI, whose wire this is. Source: developers.openai.com: api/reference/chat, error-codes.

Models that reason take `max_completion_tokens` and no temperature.
"""

from __future__ import annotations

from apps.core.i18n import both
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks


class OpenAI(Provider):
    """OpenAI, outside the mainland."""

    name = "openai"
    labels = both("OpenAI（境外）", "OpenAI (abroad)")
    base_url = "https://api.openai.com/v1"
    suggestions = ("gpt-5-mini", "gpt-4.1-mini", "text-embedding-3-small")
    zone = "abroad"
    quirks = Quirks(limit_field="max_completion_tokens", vision=True, batch=128)
    models = (
        ("gpt-5*", {"thinks": True, "switch": "effort", "temperature": False,
                    "efforts": ["low", "medium", "high"], "thinking_room": 8192}),
        ("o[1-9]*", {"always_thinks": True, "switch": "effort", "temperature": False,
                     "efforts": ["low", "medium", "high"], "thinking_room": 8192}),
    )  # fmt: skip
    hint = both(
        "数据会离开境内；请先确认公司允许。", "Data leaves the mainland; be sure that you may."
    )
