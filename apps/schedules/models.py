"""Schedules: what runs when and for whom; the timetable itself is a django-celery-beat row."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class Schedule(models.Model):
    """A command that is asked again at its times, for its owner, in its conversation."""

    MISSED: ClassVar = [("skip", "跳过 skip"), ("once", "补一次 run once"), ("all", "全补 run all")]
    OVERLAPS: ClassVar = [("skip", "跳过 skip"), ("allow", "允许 allow")]
    number = models.CharField(max_length=12, unique=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="schedules"
    )
    conversation = models.ForeignKey("assistant.Conversation", on_delete=models.CASCADE)
    command = models.TextField()
    words = models.CharField(max_length=200, blank=True)
    cron = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=50)
    periodic_task = models.OneToOneField(
        "django_celery_beat.PeriodicTask", null=True, blank=True, on_delete=models.SET_NULL
    )
    enabled = models.BooleanField(default=True)
    missed = models.CharField(max_length=5, choices=MISSED, default="once")
    window_s = models.PositiveIntegerField(default=3600)
    next_due = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    #: Which piece of work made it: made again, it is the same schedule.
    once_key = models.CharField(max_length=60, null=True, blank=True)  # noqa: DJ001 - unique

    class Meta:
        verbose_name = "定时 schedule"
        verbose_name_plural = "定时 schedules"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["once_key"],
                name="schedule_once",
                condition=models.Q(once_key__isnull=False),
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_due"], name="schedule_due", condition=models.Q(enabled=True))
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.words or self.cron}: {self.command}"


class Firing(models.Model):
    """One due time of a schedule, and what became of it."""

    STATES: ClassVar = [(s, s) for s in ("fired", "missed", "manual")]
    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="firings")
    due = models.DateTimeField()
    state = models.CharField(max_length=10, choices=STATES)
    message = models.ForeignKey(
        "assistant.Message", null=True, blank=True, on_delete=models.SET_NULL
    )
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "触发 firing"
        verbose_name_plural = "触发 firings"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["schedule", "due"], name="one_firing")
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.due:%Y-%m-%d %H:%M}: {self.state}"


class Edit(models.Model):
    """A timetable row whose times were edited; written by triggers (see apps.schedules.edits).

    One row for each edit, never one for each task: an edit that is not committed yet must not be
    taken away together with a former one.
    """

    task_id = models.BigIntegerField()

    class Meta:
        verbose_name = "定时修改 edit"
        verbose_name_plural = "定时修改 edits"

    def __str__(self) -> str:
        return str(self.task_id)
