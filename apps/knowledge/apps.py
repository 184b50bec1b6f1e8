"""App configuration: knowledge."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class KnowledgeConfig(AppConfig):
    """Registers the documents with Django."""

    name = "apps.knowledge"
    verbose_name = "资料 Knowledge"

    def ready(self) -> None:
        """Keep the full-text index in place after every migration."""
        from apps.knowledge.index import after_migrate

        post_migrate.connect(after_migrate, sender=self, dispatch_uid="knowledge index")
