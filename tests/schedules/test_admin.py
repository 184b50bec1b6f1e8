"""Schedules in the console: who may do what, and that a timetable row calls nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from apps.accounts.models import Person, Role
from apps.assistant.models import Message
from apps.audit.models import AuditRow
from apps.schedules.models import Firing, Schedule
from apps.schedules.timetable import TASK

pytestmark = pytest.mark.django_db
Add = Callable[..., Schedule]
CHANGE = "admin:schedules_schedule_change"


@pytest.fixture
def browser() -> Callable[[Person], Client]:
    """A browser in which a person is signed in."""

    def of(person: Person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return of


@pytest.fixture
def reader(roles: dict[str, Role]) -> Person:
    """Reads the console and changes nothing."""
    person = Person.objects.create_person("reader")
    person.roles.set([roles["auditor"]])
    return person


def crontab_form(**more: str) -> dict[str, str]:
    """What the form of a crontab sends."""
    stars = dict.fromkeys(("month_of_year", "day_of_week", "day_of_month"), "*")
    return {"minute": "0", "hour": "9", "timezone": "Asia/Shanghai", **stars, **more}


def test_the_pages_say_when_in_words_and_the_next_runs(
    add: Add, alice: Person, browser: Callable[[Person], Client]
) -> None:
    schedule = add("0 9 * * 1-5")
    client = browser(alice)
    listed = client.get(reverse("admin:schedules_schedule_changelist"))
    page = client.get(reverse(CHANGE, args=[schedule.pk]))
    assert listed.status_code == page.status_code == 200
    assert "工作日" in listed.text or "weekday" in listed.text
    assert page.text.count("09:00 CST") == 5
    for name in ("periodictask", "crontabschedule"):
        url = reverse(f"admin:django_celery_beat_{name}_changelist")
        assert client.get(url).status_code == 200
    assert client.get(reverse("admin:schedules_firing_changelist")).status_code == 200


def test_buttons_do_what_the_chat_does(
    add: Add, alice: Person, browser: Callable[[Person], Client]
) -> None:
    schedule = add("0 9 * * *", "/ping")
    client = browser(alice)

    def press(act: str) -> int:
        url = reverse("admin:schedules_schedule_act", args=[schedule.pk, act])
        return int(client.post(url).status_code)

    assert press("pause") == 302
    schedule.refresh_from_db()
    assert not schedule.enabled
    assert press("resume") == 302
    assert press("run") == 302
    assert Message.objects.get().person == schedule.owner
    assert Firing.objects.get().state == "manual"
    assert AuditRow.objects.get(action="schedule.run").actor == f"person:{alice.pk}"
    client.post(reverse("admin:schedules_schedule_delete", args=[schedule.pk]), {"post": "yes"})
    assert not Schedule.objects.exists()
    assert not PeriodicTask.objects.exists()


def test_nobody_edits_the_command_of_another(
    add: Add, alice: Person, browser: Callable[[Person], Client]
) -> None:
    schedule = add("0 9 * * *", "/ping")
    sent = {"missed": "skip", "window_s": "60", "command": "/cleanup", "owner": str(alice.pk)}
    browser(alice).post(reverse(CHANGE, args=[schedule.pk]), sent)
    found = Schedule.objects.get()
    assert (found.missed, found.window_s) == ("skip", 60)
    assert (found.command, found.owner) == ("/ping", schedule.owner)


def test_a_timetable_row_calls_nothing_else(
    add: Add, alice: Person, browser: Callable[[Person], Client]
) -> None:
    task = add("0 9 * * *").periodic_task
    assert task is not None
    sent = {"enabled": "on", "crontab": str(task.crontab_id), "task": "evil.task", "args": "[1]"}
    client = browser(alice)
    client.post(reverse("admin:django_celery_beat_periodictask_change", args=[task.pk]), sent)
    found = PeriodicTask.objects.get()
    assert (found.task, found.args) == (TASK, task.args)
    assert client.get(reverse("admin:django_celery_beat_periodictask_add")).status_code == 403
    delete = reverse("admin:django_celery_beat_periodictask_delete", args=[task.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403


def test_times_that_never_come_cannot_be_saved(
    alice: Person, browser: Callable[[Person], Client]
) -> None:
    url = reverse("admin:django_celery_beat_crontabschedule_add")
    answer = browser(alice).post(url, crontab_form(day_of_month="30", month_of_year="2"))
    assert "never comes" in answer.text
    assert not CrontabSchedule.objects.exists()
    assert browser(alice).post(url, crontab_form()).status_code == 302


def test_an_edited_crontab_moves_the_schedule(
    add: Add, alice: Person, browser: Callable[[Person], Client]
) -> None:
    schedule = add("0 9 * * *")
    crontab = CrontabSchedule.objects.get()
    url = reverse("admin:django_celery_beat_crontabschedule_change", args=[crontab.pk])
    browser(alice).post(url, crontab_form(hour="21"))
    schedule.refresh_from_db()
    assert schedule.cron == "0 21 * * *"


@pytest.mark.parametrize("name", ["schedule", "firing"])
def test_members_see_nothing(
    add: Add, bob: Person, browser: Callable[[Person], Client], name: str
) -> None:
    add()
    assert browser(bob).get(reverse(f"admin:schedules_{name}_changelist")).status_code == 403


def test_who_only_reads_presses_nothing(
    add: Add, reader: Person, browser: Callable[[Person], Client]
) -> None:
    schedule, client = add("0 9 * * *"), browser(reader)
    assert client.get(reverse(CHANGE, args=[schedule.pk])).status_code == 200
    for act in ("pause", "run"):
        url = reverse("admin:schedules_schedule_act", args=[schedule.pk, act])
        assert client.post(url).status_code == 403
    sent: dict[str, Any] = {"missed": "skip", "window_s": "60"}
    assert client.post(reverse(CHANGE, args=[schedule.pk]), sent).status_code == 403
    add_crontab = reverse("admin:django_celery_beat_crontabschedule_add")
    assert client.post(add_crontab, crontab_form()).status_code == 403
    assert Schedule.objects.get().missed == "once"


def test_the_audit_names_who_edited_by_hand(
    add: Add, alice: Person, browser: Callable[[Person], Client]
) -> None:
    schedule, client = add("0 9 * * *"), browser(alice)
    assert client.post(reverse(CHANGE, args=[schedule.pk]), {"missed": "skip", "window_s": 60})
    row = AuditRow.objects.get(action="schedule.edited")
    assert (row.actor, row.data) == (f"person:{alice.pk}", {"missed": "skip", "window_s": "60"})
    crontab = schedule.periodic_task.crontab
    page = reverse("admin:django_celery_beat_crontabschedule_change", args=[crontab.pk])
    client.post(page, crontab_form(hour="7"))
    task = reverse("admin:django_celery_beat_periodictask_change", args=[schedule.periodic_task_id])
    client.post(task, {"crontab": crontab.pk})
    rows = AuditRow.objects.filter(action="schedule.edited", actor=f"person:{alice.pk}")
    _, times, switch = rows.order_by("pk")
    assert (times.data["hour"], switch.data) == ("7", {"enabled": "False"})
    schedule.refresh_from_db()
    assert (schedule.cron, schedule.enabled) == ("0 7 * * *", False)
