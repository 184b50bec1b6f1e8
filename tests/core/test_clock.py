"""A process whose own clock is wrong goes by the database's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from pytest_django import Settings

from apps.core import clock, drift

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _right_clock() -> Iterator[None]:
    yield
    now = datetime.now(UTC)
    clock.follow(now, now, now)
    assert clock.shift() == timedelta(0)


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_wrong_clock_is_left_for_the_database_s(minutes: int) -> None:
    ours = datetime.now(UTC)
    told = ours + timedelta(minutes=minutes)
    clock.follow(told, ours, ours)
    assert abs(clock.utcnow() - told) < 5 * SECOND
    assert abs(clock.timestamp() - told.timestamp()) < 5
    later = ours + timedelta(minutes=1)  # somebody sets our clock right meanwhile
    clock.follow(later, later, later)
    assert clock.shift() == timedelta(0)


def test_a_small_difference_changes_nothing() -> None:
    ours = datetime.now(UTC)
    clock.follow(ours + 1.5 * SECOND, ours, ours)
    assert clock.shift() == timedelta(0)


def test_an_answer_that_took_long_is_no_difference() -> None:
    ours = datetime.now(UTC)
    clock.follow(ours + 1 * SECOND, ours, ours + 40 * SECOND)
    assert clock.shift() == timedelta(0)


def test_a_settled_difference_does_not_jump_about() -> None:
    ours = datetime.now(UTC)
    clock.follow(ours + 600 * SECOND, ours, ours)
    before = clock.shift()
    clock.follow(ours + 600.4 * SECOND, ours, ours)
    assert clock.shift() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_every_new_connection_is_asked(settings: Settings) -> None:
    settings.CLOCK_OF_DATABASE = True
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        connection.close()
        connection.ensure_connection()
        assert abs(clock.shift() + timedelta(hours=1)) < 60 * SECOND
    connection.close()
    connection.ensure_connection()
    assert clock.shift() == timedelta(0)
    assert abs(clock.timestamp() - time.time()) < 1


def test_sqlite_is_not_asked(settings: Settings) -> None:
    settings.CLOCK_OF_DATABASE = True

    class Other:
        vendor = "sqlite"

    drift.on_connection(Other())  # type: ignore[arg-type] - it has no cursor to ask with
    assert clock.shift() == timedelta(0)
