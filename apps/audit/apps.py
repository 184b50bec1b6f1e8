"""App configuration: the audit log."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    """Registers the audit log with Django."""

    name = "apps.audit"
    verbose_name = "审计 Audit"

    def ready(self) -> None:
        """Keep the database's own guards in place after every migration."""
        from apps.audit.triggers import after_migrate

        post_migrate.connect(after_migrate, sender=self, dispatch_uid="audit triggers")
