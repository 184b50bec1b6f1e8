"""App configuration: webhook ingress."""

from __future__ import annotations

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Registers webhook ingress with Django."""

    name = "apps.webhooks"
    verbose_name = "Webhooks"
