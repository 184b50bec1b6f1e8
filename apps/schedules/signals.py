"""Saved rows of the timetable reach their schedules at once."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save, pre_delete
from django.dispatch import receiver
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from apps.schedules import sync


@receiver(post_save, sender=PeriodicTask, dispatch_uid="schedules.task")
def task_saved(instance: PeriodicTask, **_: Any) -> None:
    """Somebody edited when, or whether, it runs."""
    sync.follow(instance)


@receiver(pre_delete, sender=PeriodicTask, dispatch_uid="schedules.task_deleted")
def task_deleted(instance: PeriodicTask, **_: Any) -> None:
    """Without a timetable nothing is due."""
    sync.orphaned(instance)


@receiver(post_save, sender=CrontabSchedule, dispatch_uid="schedules.crontab")
def crontab_saved(instance: CrontabSchedule, created: bool, **_: Any) -> None:
    """Everything that runs at these times runs at the new ones."""
    if not created:
        for task in PeriodicTask.objects.filter(crontab=instance).select_related("crontab"):
            sync.follow(task)
