"""App configuration: messages, jobs and approvals."""

from __future__ import annotations

from django.apps import AppConfig


class AssistantConfig(AppConfig):
    """Registers messages, jobs and approvals with Django."""

    name = "apps.assistant"
    verbose_name = "对话与任务 Work"
