"""App configuration: schedules."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class SchedulesConfig(AppConfig):
    """Registers schedules with Django and gives the assistant its port to them."""

    name = "apps.schedules"
    verbose_name = "定时 Schedules"

    def ready(self) -> None:
        """Listen to edits of the timetable, supply the port and the gauge."""
        from apps.assistant import context
        from apps.core import metrics
        from apps.schedules import edits, port, preview, signals  # noqa: F401 - connects itself

        pre_migrate.connect(edits.remove, sender=self, dispatch_uid="schedules.edits")
        post_migrate.connect(edits.install, sender=self, dispatch_uid="schedules.edits")
        context.use_schedules(port.Schedules)

        @metrics.register_collector
        def lag() -> list[metrics.Sample]:
            return [metrics.Sample("clawdbot_schedule_lag_seconds", preview.lag())]
