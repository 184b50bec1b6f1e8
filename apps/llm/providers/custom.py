"""Any other server that speaks Chat Completions. Careful: it is taken to know little."""

from __future__ import annotations

from apps.core.i18n import both
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks


class Custom(Provider):
    """An address that nobody here knows; a row's quirks tell the rest."""

    name = "custom"
    labels = both("其他（OpenAI 兼容）", "Other (OpenAI-compatible)")
    keyless = True
    quirks = Quirks(weak_tools=False, json="schema", tool_choices=("none", "required", "named"))
    hint = both(
        "填写该服务的 OpenAI 兼容地址；能力差异写在“差异”里，用“测试”查看。",
        "Any OpenAI-compatible address; write what differs into its quirks, and see with Test.",
    )
