"""What may be done to a schedule, by whom, and what is written down about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from apps.accounts.models import Person
from apps.accounts.rights import rights
from apps.assistant.models import Conversation, Message
from apps.assistant.ports import Asker
from apps.audit.log import Actor
from apps.audit.models import AuditRow
from apps.schedules import actions, errors, tasks
from apps.schedules.models import Firing, Schedule
from apps.schedules.port import Schedules
from apps.skills.times import Every
from tests.schedules.conftest import NOON, Clock

pytestmark = pytest.mark.django_db
Add = Callable[..., Schedule]


@pytest.fixture
def port(chat: Conversation) -> Callable[[Person], Schedules]:
    """The schedules of a person, as skills see them."""

    def of(person: Person) -> Schedules:
        return Schedules(Asker(person, rights([person])[person.pk], chat, NOON, "trace"))

    return of


def test_a_person_has_at_most_twenty(add: Add) -> None:
    for _ in range(actions.MOST):
        add()
    with pytest.raises(errors.TooMany) as refused:
        add()
    assert "20" in refused.value.text("en")
    assert Schedule.objects.count() == PeriodicTask.objects.count() == actions.MOST
    add(actor=Actor.cli())  # the installation itself may


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "61 * * * *", "* * * * * *", "hello", "@daily"])
def test_times_that_never_come_are_refused(add: Add, cron: str) -> None:
    with pytest.raises(errors.NoSuchTime) as refused:
        add(cron)
    assert cron in refused.value.text("zh-hans")
    assert not Schedule.objects.exists()


@pytest.mark.parametrize("command", ["", "   ", "x" * 2001])
def test_there_must_be_something_to_ask(add: Add, command: str) -> None:
    with pytest.raises(errors.NoCommand):
        add(command=command)


def test_run_now_asks_at_once_and_leaves_the_times_alone(add: Add, clock: Clock) -> None:
    schedule = add("0 * * * *", "/ping")
    actions.pause(schedule, Actor.cli())
    found = actions.run_now(schedule, Actor.cli(), clock.move(minutes=5))
    assert found.state == "manual"
    assert Message.objects.get().text == "/ping"
    schedule.refresh_from_db()
    assert (schedule.enabled, schedule.next_due) == (False, None)


def test_removing_takes_the_timetable_along_and_the_audit_keeps_it(add: Add) -> None:
    schedule = add()
    actions.remove(schedule, Actor.cli())
    assert not Schedule.objects.exists()
    assert not PeriodicTask.objects.exists()
    row = AuditRow.objects.get(action="schedule.removed")
    assert row.object_id == schedule.number
    with pytest.raises(errors.NoSchedule):
        actions.pause(schedule, Actor.cli())


def test_skills_see_own_schedules_only(
    port: Callable[[Person], Schedules], bob: Person, carol: Person, alice: Person
) -> None:
    info = port(bob).add("/ping", Every("0 9 * * 1", "每周一九点"), "")
    assert info.words == "每周一九点"
    assert [run.strftime("%a %H:%M") for run in info.next_times] == ["Mon 09:00"] * 3
    assert [found.number for found in port(bob).mine()] == [info.number]
    assert port(carol).mine() == []
    for act in ("pause", "resume", "run", "remove"):
        with pytest.raises(errors.NoSchedule):
            getattr(port(carol), act)(info.number)
    assert port(bob).pause(info.number.lower()).ok
    assert port(alice).resume(info.number).ok  # whoever manages schedules
    assert "11-23 09:00" in port(bob).resume(info.number).text.zh
    assert port(bob).run(info.number).ok
    assert Message.objects.get().person == bob
    assert port(bob).remove(info.number).ok
    assert port(bob).mine() == []


def test_the_celery_task_fires_a_minute_once(add: Add) -> None:
    schedule = add("* * * * *")
    minute = timezone.now().replace(second=0, microsecond=0)
    tasks.fire(schedule.number)
    tasks.fire(schedule.number)
    after = timezone.now().replace(second=0, microsecond=0)
    assert Message.objects.count() == len({minute, after})
    assert set(Firing.objects.values_list("state", flat=True)) == {"fired"}
    tasks.fire("NOSUCH")


def test_the_task_knows_the_last_day(
    add: Add, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    schedule = add("0 9 L * *")
    monkeypatch.setattr(tasks, "utcnow", clock)
    clock.now = NOON.replace(day=28, hour=1)  # 28 November, 09:00 in Shanghai
    tasks.fire(schedule.number)
    assert not Firing.objects.exists()
    clock.move(days=2)
    tasks.fire(schedule.number)
    assert Firing.objects.get().state == "fired"
    clock.move(hours=1)
    tasks.fire(schedule.number)  # by hand, at a time that has nothing to do with it
    assert Firing.objects.latest("due").state == "manual"


def test_the_wake_up_comes_after_the_commit(
    add: Add, clock: Clock, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:  # fmt: skip
    woken: list[str] = []
    monkeypatch.setattr("apps.assistant.wake.wake", woken.append)
    schedule = add("0 * * * *")
    with django_capture_on_commit_callbacks(execute=False):  # type: ignore[attr-defined]
        actions.run_now(schedule, Actor.cli(), clock())
        assert woken == []
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        actions.run_now(schedule, Actor.cli(), clock() + timedelta(seconds=1))
    assert woken == ["interactive"]
