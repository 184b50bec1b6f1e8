"""App configuration: the browser chat."""

from __future__ import annotations

from django.apps import AppConfig


class WebchatConfig(AppConfig):
    """Registers the browser chat with Django."""

    name = "apps.webchat"
    verbose_name = "Web chat"
