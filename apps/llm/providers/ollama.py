"""Ollama. Source: docs.ollama.com/api/openai-compatibility.

`tool_choice` is ignored, `reasoning_effort` is its switch, a model without a template for tools
refuses them ("does not support tools"). Its context is small unless OLLAMA_CONTEXT_LENGTH is set;
what is longer is cut off without a word.
"""

from __future__ import annotations

from apps.core.i18n import both
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks


class Ollama(Provider):
    """An Ollama of one's own."""

    name = "ollama"
    labels = both("Ollama（私有）", "Ollama (private)")
    base_url = "http://127.0.0.1:11434/v1"
    ports = (11434,)
    zone = "internal"
    keyless = True
    quirks = Quirks(
        switch="effort", efforts=("low", "medium", "high"), weak_tools=True, tool_choices=(),
    )  # fmt: skip
    models = (
        ("*-vl*", {"vision": True}),
        ("llava*", {"vision": True}),
        ("gemma[34]*", {"vision": True}),
    )
    hint = both(
        "请设置 OLLAMA_CONTEXT_LENGTH（例如 16384），默认的上下文很小，超出部分会被悄悄截掉。",
        "Set OLLAMA_CONTEXT_LENGTH (16384, say): by default long questions are cut silently.",
    )
