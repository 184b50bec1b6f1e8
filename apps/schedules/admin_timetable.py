"""The timetable rows of django-celery-beat in the console, with the risky parts left out.

The stock admin can make beat call any Celery task with any arguments: here a row only says when
`schedules.fire` is called for the schedule that it belongs to.
"""

from __future__ import annotations

from typing import Any

import django_celery_beat.admin  # noqa: F401 - registers what is taken away below
from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from apps.audit import log
from apps.audit.log import Actor
from apps.schedules import preview
from apps.schedules.actions import MANAGE
from apps.schedules.timetable import FIELDS

for _model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
    admin.site.unregister(_model)


def edited(request: HttpRequest, found: Any, form: Any) -> None:
    """Say in the audit who changed which fields by hand, and to what."""
    log.record(
        "schedule.edited",
        actor=Actor.person(request.user),
        obj=(found._meta.model_name, found.pk, str(found)),
        data={name: str(form.cleaned_data.get(name, "")) for name in form.changed_data},
    )


class Managed(admin.ModelAdmin):  # type: ignore[type-arg]
    """Changed by those who manage schedules, deleted with what it belongs to."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save with a line in the audit; the schedules behind it follow by themselves."""
        super().save_model(request, obj, form, change)
        edited(request, obj, form)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For those who manage schedules."""
        return bool(request.user.has_perm(MANAGE))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For those who manage schedules."""
        return bool(request.user.has_perm(MANAGE))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A deleted timetable would take schedules with it."""
        return False


@admin.register(PeriodicTask)
class TimetableAdmin(Managed):
    """Whether and when; what is called is fixed."""

    list_display = ("name", "enabled", "crontab", "description")
    list_filter = ("enabled",)
    search_fields = ("name", "description")
    list_select_related = ("crontab",)
    fields = ("name", "description", "enabled", "crontab", "task", "args")
    readonly_fields = ("name", "description", "task", "args")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A schedule is added in a chat or at the command line, by its owner."""
        return False


class CrontabForm(forms.ModelForm):  # type: ignore[type-arg]
    """Times that come; the library would also store 30 February."""

    class Meta:
        model = CrontabSchedule
        fields = (*FIELDS, "timezone")

    def clean(self) -> dict[str, Any]:
        """Refuse what never comes."""
        found = super().clean() or {}
        if not self.errors:
            times = preview.preview(_cron(found), str(found["timezone"]), 1, timezone.now())
            if not times:
                raise forms.ValidationError("这个时间不会到来 This time never comes.")
        return found


@admin.register(CrontabSchedule)
class CrontabAdmin(Managed):
    """The times themselves, shared by all timetable rows that name them."""

    form = CrontabForm
    list_display = ("__str__", "words")
    ordering = ("pk",)

    @admin.display(description="含义 in words")
    def words(self, crontab: CrontabSchedule) -> str:
        """What it means."""
        found = {name: getattr(crontab, name) for name in FIELDS}
        return preview.describe(_cron(found)).in_(get_language() or "")


def _cron(found: dict[str, Any]) -> str:
    return " ".join(str(found[name]).replace(" ", "") for name in FIELDS)
