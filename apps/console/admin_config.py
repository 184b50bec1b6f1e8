"""Puts our admin site in the place of Django's; imported before any model is there."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class ConsoleAdminConfig(AdminConfig):
    """Django's admin with our site."""

    default_site = "apps.console.site.ConsoleSite"
