"""App configuration: messages, jobs and approvals."""

from __future__ import annotations

from django.apps import AppConfig


class AssistantConfig(AppConfig):
    """Registers messages, jobs and approvals with Django."""

    name = "apps.assistant"
    verbose_name = "对话与任务 Work"

    def ready(self) -> None:
        """Declare the skills of this floor; listen to what the model layer wants told."""
        from apps.assistant import budget_notices, own  # noqa: F401 - `own` declares skills

        budget_notices.register()
