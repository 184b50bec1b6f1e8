"""App configuration: people, roles, grants and bindings."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers people, roles, grants and bindings with Django."""

    name = "apps.accounts"
    verbose_name = "人员与权限 People"
