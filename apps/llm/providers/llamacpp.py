"""llama.cpp's own server. Source: github.com/ggml-org/llama.cpp, tools/server/README.md.

Measured with SmolLM2 and Qwen2.5: neither `tool_choice: required` nor a name was enforced (issue
27217), calls come as JSON in the text, while `json_schema` is enforced by a grammar. Start it with
`--jinja`.
"""

from __future__ import annotations

from apps.core.i18n import both
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks


class LlamaCpp(Provider):
    """A llama.cpp server of one's own."""

    name = "llamacpp"
    labels = both("llama.cpp（私有）", "llama.cpp (private)")
    base_url = "http://127.0.0.1:8080/v1"
    zone = "internal"
    keyless = True
    quirks = Quirks(switch="template", weak_tools=True, tool_choices=("none",))
    models = (("*-vl*", {"vision": True}), ("*llava*", {"vision": True}))
    hint = both("请以 --jinja 启动。", "Start it with --jinja.")
