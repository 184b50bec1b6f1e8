"""Leased rows against a model of a few lines: claims, zombies, silence and death in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from apps.assistant.models import Job, Message
from apps.core import work
from apps.core.clock import utcnow
from apps.core.leases import DbAfter
from apps.core.work import WorkItem
from apps.im.models import Delivery
from tests.core import workrows

HOUR = timedelta(hours=1)
Token = tuple[int, int]


@dataclass
class Row:
    """What a row should be."""

    turn: int
    max_attempts: int
    due: datetime
    state: str = "ready"  # ready, working, done, dead
    attempts: int = 0
    silent: bool = False  # its lease has run out

    @property
    def held(self) -> bool:
        """Does the last claimer still own it? Silence alone takes nothing away."""
        return self.state == "working"


class WorkMachine(RuleBasedStateMachine):
    """Any order of what workers, zombies, the sweeper and time may do to rows of one kind."""

    model: ClassVar[type[WorkItem]]

    @initialize()
    def begin(self) -> None:
        """Start with no rows and nobody at work."""
        self.model._default_manager.all().delete()
        self.rows: dict[int, Row] = {}
        self.claims: list[Any] = []  # every row as some worker saw it, zombies included
        self.now = utcnow()

    @rule(
        turn=st.integers(0, 2),
        attempts=st.integers(1, 3),
        hours=st.sampled_from((0, 0, 1)),
        count=st.integers(1, 3),
    )
    def arrive(self, turn: int, attempts: int, hours: int, count: int) -> None:
        """Work comes in, some of it for later."""
        due = self.now + hours * HOUR
        keys = workrows.make(self.model, count, turn=turn, max_attempts=attempts, not_before=due)
        self.rows |= {key: Row(turn, attempts, due) for key in keys}

    @rule(limit=st.integers(1, 4))
    def claim(self, limit: int) -> None:
        """A worker claims: exactly the due, unowned rows, fairest first, no more than it asked."""
        expected = [key for key in self._in_order() if self._claimable(self.rows[key])][:limit]
        got = work.claim(work.claimable(self.model, self.now), limit)
        assert [item.pk for item in got] == expected
        for item in got:
            row = self.rows[item.pk]
            row.state, row.silent, row.attempts = "working", False, row.attempts + 1
            assert (item.attempts, item.state) == (row.attempts, self.model.WORKING)
        self.claims += got

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """Some workers, zombies among them, say that they are done: only owners are believed."""
        items = data.draw(st.lists(st.sampled_from(self.claims), min_size=1, max_size=4))
        mine = {item.pk for item in items if self._owns(item)}
        assert work.settle(items, state=workrows.DONE[self.model]) == mine
        self._move(mine, "done")

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), hours=st.integers(0, 1))
    def retry(self, data: st.DataObject, hours: int) -> None:
        """A worker gives a row back; after its last attempt it is dead instead."""
        item = data.draw(st.sampled_from(self.claims))
        owns, due = self._owns(item), self.now + hours * HOUR
        assert work.retry_at(item, due, "broke") == owns
        if owns:
            row = self.rows[item.pk]
            self._move({item.pk}, "dead" if row.attempts >= row.max_attempts else "ready")
            row.due = due

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """A worker gives a row up."""
        item = data.draw(st.sampled_from(self.claims))
        owns = self._owns(item)
        assert work.fail(item, "hopeless") == owns
        if owns:
            self._move({item.pk}, "dead")

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        """A worker renews its lease; one whose row was taken over learns of it."""
        item = data.draw(st.sampled_from(self.claims))
        owns = self._owns(item)
        token = (item.pk, item.attempts)
        assert work.held(self.model, token) == owns
        assert work.hold(self.model, token) == owns
        if owns:
            self.rows[item.pk].silent = False

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def fall_silent(self, data: st.DataObject) -> None:
        """A lease runs out."""
        item = data.draw(st.sampled_from(self.claims))
        workrows.run_out(self.model, item.pk)
        self.rows[item.pk].silent = self.rows[item.pk].held

    @rule()
    def sweep(self) -> None:
        """The sweeper takes back what silent workers hold, and lists what died of it."""
        silent = {key for key, row in self.rows.items() if row.held and row.silent}
        dead = {k for k in silent if self.rows[k].attempts >= self.rows[k].max_attempts}
        count, died = work.sweep(self.model)
        assert (count, {item.pk for item in died}) == (len(silent - dead), dead)
        assert {item.state for item in died} <= {self.model.DEAD}
        self._move(silent - dead, "ready")
        self._move(dead, "dead")

    @rule()
    def an_hour_passes(self) -> None:
        """What was for later becomes due."""
        self.now += HOUR

    @invariant()
    def rows_are_as_expected(self) -> None:
        """Nothing lost, nothing owned twice, attempts within bounds, the dead are listed."""
        found = {item.pk: item for item in self.model._default_manager.all()}
        assert found.keys() == self.rows.keys()
        live = set(
            self.model._default_manager.filter(lease_until__gt=DbAfter(0)).values_list(
                "pk", flat=True
            )
        )
        for key, row in self.rows.items():
            item = found[key]
            assert item.state in self._names(row.state)
            assert item.attempts == row.attempts <= row.max_attempts
            assert (item.lease_until is not None) == row.held
            assert (key in live) == (row.held and not row.silent)
            assert sum(self._owns(c) for c in self._distinct(key)) == row.held

    def _claimable(self, row: Row) -> bool:
        free = row.state == "ready"
        if self.model.WORKING in self.model.READY:
            free |= row.held and row.silent  # its waiting and its leased state are one
        return free and row.due <= self.now and row.attempts < row.max_attempts

    def _in_order(self) -> Sequence[int]:
        return sorted(self.rows, key=lambda key: (self.rows[key].turn, key))

    def _owns(self, item: Any) -> bool:
        row = self.rows[item.pk]
        return row.held and row.attempts == item.attempts

    def _distinct(self, key: int) -> list[Any]:
        return list({c.attempts: c for c in self.claims if c.pk == key}.values())

    def _move(self, keys: set[int], state: str) -> None:
        for key in keys:
            self.rows[key].state, self.rows[key].silent = state, False

    def _names(self, state: str) -> tuple[str, ...]:
        model = self.model
        names = {"ready": model.READY, "working": (model.WORKING,), "dead": (model.DEAD,)}
        return names.get(state, (workrows.DONE[model],))


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [Job, Delivery, Message])
def test_any_order_of_events(kind: type[WorkItem]) -> None:
    machine = type(f"{kind.__name__}Machine", (WorkMachine,), {"model": kind})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
