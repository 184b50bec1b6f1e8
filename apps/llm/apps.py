"""App configuration: llm."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class LlmConfig(AppConfig):
    """Registers the language models with Django."""

    name = "apps.llm"
    verbose_name = "模型 Models"

    def ready(self) -> None:
        """Register the system checks."""
        import_module("apps.llm.checks")
