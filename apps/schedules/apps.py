"""App configuration: schedules."""

from __future__ import annotations

from django.apps import AppConfig


class SchedulesConfig(AppConfig):
    """Registers schedules with Django."""

    name = "apps.schedules"
    verbose_name = "定时 Schedules"
