"""Beat: one leads, another takes over, and each due time is fired exactly once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from celery import Celery
from django.db import OperationalError, connection
from django_celery_beat.models import PeriodicTask

from apps.assistant.models import Message
from apps.core import leases
from apps.core.models import Heartbeat, Lease
from apps.schedules import scheduler
from apps.schedules.models import Edit, Firing, Schedule
from apps.schedules.planner import Planner
from apps.schedules.scheduler import Beat, LeaderScheduler
from tests.schedules.conftest import NOON, Clock

Add = Callable[..., Schedule]


def side_by_side(*calls: Callable[[], object]) -> None:
    """Call each in a thread of its own, all at the same moment; what one raises is raised here."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        barrier.wait(10)
        try:
            call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        for found in [pool.submit(run, call) for call in calls]:
            found.result(30)


@pytest.mark.django_db(transaction=True)
def test_two_that_both_think_they_lead_fire_each_due_time_once(add: Add, clock: Clock) -> None:
    for minute in range(0, 60, 10):
        add(f"{minute} * * * *", missed="all")
    planners = [Planner(clock), Planner(clock), Planner(clock)]
    for _ in range(4):
        clock.move(minutes=30)
        side_by_side(*(one.fire_due for one in planners))
    fired = Firing.objects.filter(state="fired")
    assert fired.count() == Message.objects.count() == 12
    assert Message.objects.values("event_id").distinct().count() == 12


@pytest.mark.django_db(transaction=True)
def test_two_beats_one_leads(add: Add, clock: Clock) -> None:
    add("*/10 * * * *", missed="all")
    beats = [Beat(Planner(clock)), Beat(Planner(clock))]
    for _ in range(3):
        clock.move(minutes=10)
        side_by_side(*(one.tick for one in beats))
    assert [one.leadership.epoch for one in beats].count(None) == 1
    assert Message.objects.count() == 3


@pytest.mark.django_db
def test_another_takes_over_when_the_leader_goes_silent_or_gives_back(clock: Clock) -> None:
    first, second = Beat(Planner(clock)), Beat(Planner(clock))
    first.tick()
    assert second.tick() == scheduler.FOLLOW_S
    Lease.objects.filter(name="beat").update(expires_at=NOON - timedelta(days=365))
    second.tick()
    assert second.leadership.epoch == 2
    first.leadership._renewed -= scheduler.RENEW_S  # its time to renew comes
    assert first.tick() == scheduler.FOLLOW_S
    assert first.leadership.epoch is None
    second.close()
    first.tick()
    assert first.leadership.epoch == 3


@pytest.mark.django_db
def test_it_renews_before_the_lease_runs_out(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Beat(Planner(clock))
    one.tick()
    renewed: list[str] = []
    monkeypatch.setattr(leases, "renew", lambda name, *_: renewed.append(name) or True)
    one.tick()
    assert renewed == []
    one.leadership._renewed -= scheduler.RENEW_S
    one.tick()
    assert renewed == ["beat"]


@pytest.mark.django_db
def test_it_says_that_it_lives(clock: Clock) -> None:
    Beat(Planner(clock)).tick()
    assert [row.role for row in leases.alive("beat", 10)] == ["beat"]
    assert Heartbeat.objects.get().detail == {"leads": True}


@pytest.mark.django_db
def test_it_waits_no_longer_than_the_next_due_time(add: Add, clock: Clock) -> None:
    one = Beat(Planner(clock))
    assert one.tick() == scheduler.TICK_S
    add("0 13 * * *")
    clock.move(minutes=59, seconds=59.5)
    assert one.tick() == pytest.approx(0.5)
    clock.move(seconds=1)
    assert one.tick() == scheduler.SHORTEST_S
    assert Message.objects.count() == 1


@pytest.mark.django_db
def test_a_database_that_is_away_ends_nothing(
    add: Add, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("0 * * * *")
    one = Beat(Planner(clock))
    one.tick()
    clock.move(hours=1)

    def away(*_: object) -> bool:
        raise OperationalError("the connection was lost")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "close", lambda: None)
        patch.setattr(one.planner, "fire_due", away)
        assert one.tick() == scheduler.FOLLOW_S
    assert one.leadership.epoch is None
    Lease.objects.update(expires_at=None)
    one.tick()
    assert Message.objects.count() == 1


@pytest.mark.django_db
def test_edits_that_send_no_signal_count_at_the_next_look(add: Add, clock: Clock) -> None:
    schedule = add("0 * * * *")
    one = Beat(Planner(clock))
    one.tick()
    PeriodicTask.objects.update(enabled=False)
    one.tick()
    schedule.refresh_from_db()
    assert not schedule.enabled


@pytest.mark.django_db
def test_edits_that_not_even_the_database_noted_count_when_all_is_compared(
    add: Add, clock: Clock
) -> None:
    schedule = add("0 * * * *")
    one = Beat(Planner(clock))
    one.tick()
    PeriodicTask.objects.update(enabled=False)
    Edit.objects.all().delete()
    one.tick()
    schedule.refresh_from_db()
    assert schedule.enabled
    one._compared_at -= scheduler.COMPARE_S
    one.tick()
    schedule.refresh_from_db()
    assert not schedule.enabled
    PeriodicTask.objects.update(enabled=True)
    Edit.objects.all().delete()
    one.close()
    Beat(Planner(clock)).tick()  # whoever starts
    schedule.refresh_from_db()
    assert schedule.enabled


@pytest.mark.django_db
def test_celery_gets_its_static_entries_from_the_leader_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = Celery("static", broker="memory://", set_as_current=False)
    app.conf.beat_schedule = {"often": {"task": "nothing", "schedule": 0.001}}
    sent: list[str] = []
    monkeypatch.setattr(
        LeaderScheduler, "send_task", lambda self, name, *_, **__: sent.append(name)
    )
    first, second = LeaderScheduler(app=app), LeaderScheduler(app=app)
    assert [entry.name for entry in first.schedule.values()] == ["often"]
    for _ in range(3):
        first.tick()
        second.tick()
    assert set(sent) == {"nothing"}
    assert second.beat.leadership.epoch is None
    first.close()
    second.tick()
    assert second.beat.leadership.epoch is not None
