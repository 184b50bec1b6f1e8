"""App configuration: the operations console and the commands."""

from __future__ import annotations

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Registers the operations console and the commands with Django."""

    name = "apps.console"
    verbose_name = "Console"
