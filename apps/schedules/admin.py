"""Schedules in the console: to read, and to pause, resume, run and remove as in a chat."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import get_language

from apps.accounts.models import Person
from apps.assistant.admin_acts import Act, ActingAdmin
from apps.audit.log import Actor
from apps.core.i18n import Text, both
from apps.schedules import (
    actions,
    admin_timetable,  # registers the timetable's own pages, too
    preview,
)
from apps.schedules.actions import MANAGE
from apps.schedules.models import Firing, Schedule

RUNS_SHOWN = 5


def _pause(schedule: Schedule, person: Person) -> Text:
    actions.pause(schedule, Actor.person(person))
    return both("已暂停 {number}。", "Paused {number}.").format(number=schedule.number)


def _resume(schedule: Schedule, person: Person) -> Text:
    actions.resume(schedule, Actor.person(person))
    return both("已恢复 {number}。", "Resumed {number}.").format(number=schedule.number)


def _run(schedule: Schedule, person: Person) -> Text:
    actions.run_now(schedule, Actor.person(person))
    text = both("已为 {owner} 运行 {number}。", "{number} is asked for {owner}.")
    return text.format(number=schedule.number, owner=schedule.owner)


@admin.register(Schedule)
class ScheduleAdmin(ActingAdmin):
    """When what is asked for whom."""

    list_display = ("number", "what", "command", "owner", "is_on", "next_due", "last_time")
    list_filter = ("enabled", "missed", "time_zone")
    search_fields = ("number", "command", "words", "owner__name")
    list_select_related = ("owner",)
    date_hierarchy = "next_due"
    fields = (
        ("number", "owner"), "command", "conversation", "what", "runs", ("cron", "time_zone"),
        "enabled", ("missed", "window_s"), "created_at",
    )  # fmt: skip
    acts = (
        Act("pause", both("暂停", "Pause"), _pause, lambda s, _: s.enabled, permission=MANAGE),
        Act(
            "resume", both("恢复", "Resume"), _resume, lambda s, _: not s.enabled, permission=MANAGE
        ),
        Act("run", both("立即运行", "Run now"), _run, lambda *_: True, permission=MANAGE),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Only the policy is edited: nobody puts another command into the owner's mouth."""
        return [
            *("number", "owner", "command", "conversation", "what", "runs", "cron", "time_zone"),
            *("enabled", "created_at"),
        ]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For those who manage schedules."""
        return bool(request.user.has_perm(MANAGE))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For those who manage schedules."""
        return bool(request.user.has_perm(MANAGE))

    @admin.display(description="时间 when")
    def what(self, schedule: Schedule) -> str:
        """Its times in words."""
        return preview.in_words(schedule).in_(get_language() or "")

    @admin.display(description="生效 on", boolean=True, ordering="enabled")
    def is_on(self, schedule: Schedule) -> bool:
        """Does it fire, and is its owner still with us?"""
        return schedule.enabled and schedule.owner.is_active

    @admin.display(description="上次 last")
    def last_time(self, schedule: Schedule) -> str:
        """What became of its latest due time."""
        last = schedule.firings.order_by("-due").first()
        return f"{timezone.localtime(last.due):%m-%d %H:%M} {last.state}" if last else "—"

    @admin.display(description="接下来 next runs")
    def runs(self, schedule: Schedule) -> str:
        """The next five runs on its own wall clock."""
        found = preview.next_runs(schedule, RUNS_SHOWN)
        lines = ((f"{run:%Y-%m-%d %H:%M %Z}",) for run in found)
        return format_html_join("", "<div>{}</div>", lines) or "—"

    def links(self, found: Schedule) -> list[tuple[str, str]]:
        """Where its times are edited, and what became of them."""
        fired = reverse("admin:schedules_firing_changelist")
        shown = [("触发记录 firings", f"{fired}?schedule__id__exact={found.pk}")]
        if found.periodic_task_id:
            page = reverse(
                "admin:django_celery_beat_periodictask_change", args=[found.periodic_task_id]
            )
            shown.append(("时间表 timetable", page))
        return shown

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        """Save the policy with a line in the audit."""
        obj.save(update_fields=form.changed_data)
        admin_timetable.edited(request, obj, form)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its firings go with it, though nobody deletes them one by one."""
        return [str(one) for one in objs], {"schedules": len(objs)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Schedule) -> None:
        """Delete it with its timetable row; the audit keeps what it was."""
        actions.remove(obj, Actor.person(request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Delete several."""
        for schedule in queryset:
            self.delete_model(request, schedule)


@admin.register(Firing)
class FiringAdmin(ActingAdmin):
    """What became of each due time."""

    list_display = ("schedule", "due", "state", "message", "at")
    list_filter = ("state", "due")
    search_fields = ("schedule__number",)
    list_select_related = ("schedule", "message")
    date_hierarchy = "due"

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """The schedule's page links here."""
        return lookup == "schedule__id__exact" or super().lookup_allowed(lookup, value, request)

    def trace_of(self, found: Firing) -> str:
        """The message's trace tells the story."""
        return found.message.trace_id if found.message else ""
