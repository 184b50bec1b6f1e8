"""SGLang. Source: docs.sglang.ai: tool parser, separate reasoning, structured outputs.

Calls need `--tool-call-parser`, else they stay in the text, where they are found; thoughts need
`--reasoning-parser`.
"""

from __future__ import annotations

from apps.core.i18n import both
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks


class Sglang(Provider):
    """An SGLang server of one's own."""

    name = "sglang"
    labels = both("SGLang（私有）", "SGLang (private)")
    base_url = "http://127.0.0.1:30000/v1"
    ports = (30000,)
    zone = "internal"
    keyless = True
    quirks = Quirks(switch="template", weak_tools=True)
    models = (("*-vl*", {"vision": True}),)
    hint = both(
        "建议以 --tool-call-parser … --reasoning-parser … 启动；没有也能用。",
        "Best started with --tool-call-parser … --reasoning-parser …; works without.",
    )
