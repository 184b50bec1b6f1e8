"""App configuration: bots and deliveries."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ImConfig(AppConfig):
    """Registers bots and deliveries with Django."""

    name = "apps.im"
    verbose_name = "机器人 Bots"

    def ready(self) -> None:
        """Register the system checks."""
        import_module("apps.im.checks")
