"""Which jobs are handed out: as if all that wait were looked at, however little is."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts.models import Person
from apps.assistant import choosing
from apps.assistant.choosing import RUNNING_CAP, Choice
from apps.assistant.models import Job
from apps.core.leases import DbAfter
from tests.core import workrows

pytestmark = pytest.mark.django_db
NOW = timezone.now()
HOUR = timedelta(hours=1)
LANES = ("batch", "normal")


@dataclass(frozen=True)
class Given:
    """A job as it is before anything is chosen."""

    owner: int
    turn: int = 0
    lane: str = "normal"
    state: str = "waiting"
    due: str = "at once"
    queued: str = "never"
    attempts: int = 0

    @property
    def under_way(self) -> bool:
        return self.state == "running" or (self.state == "waiting" and self.queued == "now")

    @property
    def ready(self) -> bool:
        waits = self.state == "waiting" and self.queued != "now"
        return waits and self.due != "later" and self.attempts < 3


def make(rows: list[Given]) -> dict[int, Given]:
    """The rows in the database, by key."""
    home = workrows.home()
    people = {n: Person.objects.get_or_create(name=f"owner{n}")[0] for n in {r.owner for r in rows}}
    due = {"at once": NOW, "since": NOW + HOUR / 2, "later": NOW + 2 * HOUR}
    queued = {"never": None, "before": DbAfter(-60), "now": DbAfter(60)}
    made = {}
    for row in rows:
        job = Job.objects.create(
            number=uuid.uuid4().hex[:12], person=people[row.owner], conversation=home.conversation,
            skill="x", lane=row.lane, turn=row.turn, state=row.state, attempts=row.attempts,
            created_at=NOW, not_before=due[row.due],
        )  # fmt: skip
        leased = DbAfter(60) if row.state == "running" else None
        Job.objects.filter(pk=job.pk).update(queued_until=queued[row.queued], lease_until=leased)
        made[job.pk] = row
    return made


def choose(*slots: tuple[tuple[str, ...], int]) -> list[int]:
    choice = Choice(NOW + HOUR)
    for lanes, count in slots:
        choice.add(lanes, count)
    assert [job.pk for job in choice.jobs()] == choice.keys
    return choice.keys


def expected(rows: dict[int, Given], slots: int) -> list[int]:
    """The same by looking at everything."""
    busy = [row for row in rows.values() if row.under_way]
    free = slots - sum(row.lane in LANES for row in busy)
    of = Counter(row.owner for row in busy)
    found: list[int] = []
    for key in sorted(rows, key=lambda key: (rows[key].turn, key)):
        row = rows[key]
        if len(found) < free and row.ready and row.lane in LANES and of[row.owner] < RUNNING_CAP:
            of[row.owner] += 1
            found.append(key)
    return found


jobs = st.builds(
    Given,
    owner=st.sampled_from([1, 1, 1, 1, 2, 3]),
    turn=st.integers(0, 6),
    lane=st.sampled_from(["normal", "normal", "batch", "other"]),
    state=st.sampled_from(["waiting"] * 5 + ["running", "asking", "succeeded"]),
    due=st.sampled_from(["at once", "at once", "since", "later"]),
    queued=st.sampled_from(["never", "never", "never", "before", "now"]),
    attempts=st.sampled_from([0, 0, 0, 2, 3]),
)
MANY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@MANY
@given(rows=st.lists(jobs, max_size=25), slots=st.integers(0, 8))
def test_what_fits_the_window_is_chosen_as_if_all_was_looked_at(
    rows: list[Given], slots: int
) -> None:
    with transaction.atomic():
        made = make(rows)
        assert choose((LANES, slots)) == expected(made, slots)
        transaction.set_rollback(True)


@MANY
@given(rows=st.lists(jobs, max_size=25), slots=st.integers(0, 8))
def test_what_does_not_fit_the_window_is_as_much_and_nobody_is_over_the_cap(
    monkeypatch: pytest.MonkeyPatch, rows: list[Given], slots: int
) -> None:
    monkeypatch.setattr(choosing, "WINDOW", 0)
    with transaction.atomic():
        made = make(rows)
        keys = choose((LANES, slots))
        assert len(keys) == len(set(keys)) == len(expected(made, slots))
        assert all(made[key].ready and made[key].lane in LANES for key in keys)
        of = Counter(row.owner for row in made.values() if row.under_way)
        chosen = Counter(made[key].owner for key in keys)
        assert all(chosen[one] + of[one] <= RUNNING_CAP for one in chosen)
        transaction.set_rollback(True)


def test_whoever_stands_behind_the_many_of_somebody_at_the_cap_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choosing, "WINDOW", 5)
    running = [Given(1, state="running") for _ in range(RUNNING_CAP)]
    crowd = [Given(1, turn=n) for n in range(40)]
    made = make([*running, *crowd, Given(2, turn=90), Given(3, turn=80), Given(3, turn=95)])
    found = [(made[key].owner, made[key].turn) for key in choose((LANES, RUNNING_CAP + 2))]
    assert found == [(3, 80), (2, 90)]


def test_what_both_looks_find_is_handed_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "WINDOW", 2)
    running = [Given(1, state="running") for _ in range(RUNNING_CAP)]
    made = make([*running, Given(2), *(Given(1, turn=n) for n in range(20)), Given(2, turn=50)])
    keys = choose((LANES, RUNNING_CAP + 5))
    assert [(made[key].owner, made[key].turn) for key in keys] == [(2, 0), (2, 50)]


def test_reminders_of_tomorrow_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "WINDOW", 5)
    made = make(
        [*(Given(1, due="later") for _ in range(40)), Given(1, turn=7), Given(1, due="since")]
    )
    assert [(made[key].due, made[key].turn) for key in choose((LANES, 2))] == [
        ("since", 0),
        ("at once", 7),
    ]


def test_the_cap_is_one_for_all_workers_together() -> None:
    made = make([Given(1, lane=lane, turn=n) for n in range(6) for lane in LANES])
    keys = choose((("batch",), 10), (("normal",), 10))
    assert Counter(made[key].owner for key in keys) == {1: RUNNING_CAP}


def test_whether_anything_waits_is_told_for_each_lane() -> None:
    make([Given(1, due="later"), Given(1, queued="now"), Given(1, state="asking")])
    make([Given(1, lane="batch", due="since")])
    assert not choosing.waits("normal", NOW + HOUR)
    assert choosing.waits("batch", NOW + HOUR)
    assert not choosing.waits("batch", NOW)
    assert choosing.waits("normal", NOW + 3 * HOUR)
