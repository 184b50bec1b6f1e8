"""App configuration: the operations console and the commands."""

from __future__ import annotations

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Registers the operations console and the commands with Django."""

    name = "apps.console"
    verbose_name = "Console"

    def ready(self) -> None:
        """Add what only the whole house can tell about its health."""
        from apps.console import vitals

        vitals.register()
