"""App configuration: the REST API."""

from __future__ import annotations

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Registers the REST API with Django."""

    name = "apps.api"
    verbose_name = "API"
