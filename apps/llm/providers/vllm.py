"""vLLM. Source: docs.vllm.ai: features/tool_calling, features/reasoning_outputs.

Tools need `--enable-auto-tool-choice --tool-call-parser …`, else the choice "auto" is refused with
400; then tools are offered as a JSON schema, which it enforces in any case. What a model thought is
`reasoning`, in older versions `reasoning_content`.
"""

from __future__ import annotations

from apps.core.i18n import both
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks


class Vllm(Provider):
    """A vLLM server of one's own."""

    name = "vllm"
    labels = both("vLLM（私有）", "vLLM (private)")
    base_url = "http://127.0.0.1:8000/v1"
    zone = "internal"
    keyless = True
    quirks = Quirks(switch="template", weak_tools=True)
    models = (("*-vl*", {"vision": True}), ("*vision*", {"vision": True}))
    hint = both(
        "建议以 --enable-auto-tool-choice --tool-call-parser … 启动；没有也能用。",
        "Best started with --enable-auto-tool-choice --tool-call-parser …; works without.",
    )
