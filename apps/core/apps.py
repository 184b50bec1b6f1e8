"""App configuration: foundations."""

from __future__ import annotations

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Registers foundations with Django."""

    name = "apps.core"
    verbose_name = "Core"

    def ready(self) -> None:
        """Begin to compare clocks."""
        from apps.core import drift

        drift.watch()
