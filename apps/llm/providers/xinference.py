"""Xinference. Source: inference.readthedocs.io (client API): an OpenAI-compatible address at /v1,
models by the uid under which they were launched; tools for some of them only."""

from __future__ import annotations

from apps.core.i18n import both
from apps.llm.provider import Provider
from apps.llm.quirks import Quirks


class Xinference(Provider):
    """An Xinference of one's own."""

    name = "xinference"
    labels = both("Xinference（私有）", "Xinference (private)")
    base_url = "http://127.0.0.1:9997/v1"
    ports = (9997,)
    zone = "internal"
    keyless = True
    quirks = Quirks(switch="template", weak_tools=True, tool_choices=())
    models = (("*-vl*", {"vision": True}),)
    hint = both("模型填启动时的 UID。", "The model is the uid under which it was launched.")
