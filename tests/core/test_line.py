"""Lines: whatever the rows, only first ones are claimed, and in the end all of them are found."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.assistant import drain, sweeper
from apps.assistant.models import Conversation, Message
from apps.core import work
from apps.core.leases import DbAfter
from apps.core.line import START, Line
from apps.im import delivery
from apps.im.models import Delivery
from tests.core import workrows

pytestmark = pytest.mark.django_db
NOW = timezone.now()
HOUR = timedelta(hours=1)
MOST = 3  # attempts
FEW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass(frozen=True)
class Given:
    """One row as it is before anybody claims."""

    chat: int | None
    state: str
    turn: int
    lane: str = "interactive"
    lease: str = "none"
    due: bool = True
    attempts: int = 0
    expired: bool = False


def some(states: tuple[str, ...], chats: tuple[int | None, ...]) -> st.SearchStrategy[list[Given]]:
    row = st.builds(
        Given,
        chat=st.sampled_from(chats),
        state=st.sampled_from(states),
        turn=st.integers(0, 3),
        lane=st.sampled_from(["interactive", "interactive", "control"]),
        lease=st.sampled_from(["none", "none", "held", "run out"]),
        due=st.sampled_from([True, True, True, False]),
        attempts=st.integers(0, 5),
        expired=st.sampled_from([False, False, True]),
    )
    return st.lists(row, max_size=14)


@contextmanager
def rows_of(make: Callable[..., Any], rows: list[Given]) -> Any:
    """The rows in the database, by key, until the block ends."""
    with transaction.atomic():
        home = workrows.home()
        chats = {
            n: Conversation.objects.create(bot=home.bot, chat_id=f"chat {n}")
            for n in {row.chat for row in rows if row.chat is not None}
        }
        made = {}
        for row in rows:
            one = make(row, bot=home.bot, conversation=chats.get(row.chat))
            leases: dict[str, object] = {"none": None, "held": DbAfter(60), "run out": DbAfter(-1)}
            type(one).objects.filter(pk=one.pk).update(lease_until=leases[row.lease])
            made[one.pk] = row
        yield made
        transaction.set_rollback(True)


def message(row: Given, **at: Any) -> Message:
    return Message.objects.create(
        event_id=f"e{Message.objects.count()}", state=row.state, turn=row.turn, lane=row.lane,
        not_before=NOW if row.due else NOW + HOUR, attempts=row.attempts, max_attempts=MOST, **at,
    )  # fmt: skip


def a_delivery(row: Given, **at: Any) -> Delivery:
    return Delivery.objects.create(
        role="notice", state=row.state, turn=row.turn, not_before=NOW if row.due else NOW + HOUR,
        attempts=row.attempts, max_attempts=9,
        expires_at=NOW - HOUR if row.expired else NOW + HOUR, **at,
    )  # fmt: skip


def claimable(row: Given, ready: tuple[str, ...], most: int) -> bool:
    free = row.lease != "held"
    return row.state in ready and free and row.due and row.attempts < most


def first_messages(rows: dict[int, Given], lane: str) -> set[int]:
    """What may be claimed in this lane: first of the open ones of its chat, and free."""
    heads = {}
    for key in sorted(rows, reverse=True):
        if rows[key].state == "waiting":
            heads[rows[key].chat] = key
    keys = set(heads.values())
    return {k for k in keys if claimable(rows[k], ("waiting",), MOST) and rows[k].lane == lane}


def first_deliveries(rows: dict[int, Given]) -> set[int]:
    """The same for deliveries: those that were tried too often hold up nobody."""
    heads: dict[int | None, int] = {}
    for key in sorted(rows, reverse=True):
        row = rows[key]
        waited_for = row.attempts < delivery.PATIENT_ATTEMPTS
        if row.chat is not None and row.state in Delivery.OPEN and waited_for:
            heads[row.chat] = key
    return {
        key
        for key, row in rows.items()
        if claimable(row, Delivery.READY, 9) and not row.expired and key <= heads.get(row.chat, key)
    }


def looked_through(line: Line[Any], window: int, **values: object) -> list[int]:
    """All heads that a rotation finds, window by window."""
    found: list[int] = []
    place = START
    while True:
        heads = line.look(now=NOW, after=place, window=window, **values)
        found += heads.keys
        if heads.rest == START:
            return found
        assert heads.rest > place
        place = heads.rest


@FEW
@given(
    rows=some(("waiting", "waiting", "waiting", "done", "dead"), (1, 2, 3)),
    window=st.integers(1, 5),
)
def test_a_rotation_finds_exactly_the_first_messages(rows: list[Given], window: int) -> None:
    with rows_of(message, rows) as made:
        for lane in ("interactive", "control"):
            found = looked_through(drain.line, window, lane=lane)
            assert sorted(found) == sorted(first_messages(made, lane))
            assert found == sorted(found, key=lambda key: (made[key].turn, key))


@FEW
@given(rows=some(("pending", "unknown", "sending", "sent"), (1, 2, None)), window=st.integers(1, 5))
def test_a_rotation_finds_exactly_the_first_deliveries(rows: list[Given], window: int) -> None:
    with rows_of(a_delivery, rows) as made:
        found = looked_through(delivery.line, window, limited=[])
        assert sorted(found) == sorted(first_deliveries(made))


@FEW
@given(rows=some(("waiting", "waiting", "done"), (1, 2, 3)), limit=st.integers(1, 4))
def test_what_is_claimed_is_first_and_ours_and_nothing_else_changes(
    rows: list[Given], limit: int
) -> None:
    with rows_of(message, rows) as made:
        first = first_messages(made, "interactive")
        claimed = drain.line.claim(limit, now=NOW, lane="interactive")
        keys = [item.pk for item in claimed]
        assert keys == sorted(first, key=lambda key: (made[key].turn, key))[:limit]
        assert len({item.conversation_id for item in claimed}) == len(claimed)
        stored = Message.objects.in_bulk(list(made))
        for item in claimed:
            assert item.attempts == made[item.pk].attempts + 1
            assert stored[item.pk].attempts == item.attempts
            assert stored[item.pk].lease_until == item.lease_until
        for key in set(made) - set(keys):
            assert stored[key].attempts == made[key].attempts
        # Whoever looks now finds none of these chats again: their first rows are held.
        later = looked_through(drain.line, 3, lane="interactive")
        assert sorted(later) == sorted(first - set(keys))


@FEW
@given(rows=some(("waiting",), (1, 2, 3)), window=st.integers(1, 3), limit=st.integers(1, 3))
def test_with_the_rotation_everything_is_done_in_the_end_in_order(
    rows: list[Given], window: int, limit: int
) -> None:
    with rows_of(message, rows) as made:
        done: list[int] = []
        idle = 0
        while idle < 2:  # twice through everything without a find
            before = len(done)
            for lane in ("interactive", "control"):
                place = START
                while True:
                    heads = drain.line.look(now=NOW, after=place, window=window, lane=lane)
                    got = drain.line.take(heads, limit, now=NOW)
                    done += sorted(work.settle(got, state="done"))
                    if heads.rest == START:
                        break
                    place = heads.rest
            idle = idle + 1 if len(done) == before else 0
        assert len(done) == len(set(done))
        for chat in {row.chat for row in rows}:
            waiting = [key for key in sorted(made) if made[key].chat == chat]
            until = [claimable(made[key], ("waiting",), MOST) for key in waiting]
            able = until.index(False) if False in until else len(until)
            assert [key for key in done if made[key].chat == chat] == waiting[:able]


def crowd(chat: str, count: int) -> list[int]:
    home = workrows.home()
    room = Conversation.objects.create(bot=home.bot, chat_id=chat)
    rows = [
        Message(bot=home.bot, conversation=room, event_id=f"{chat}{n}", lane="interactive")
        for n in range(count)
    ]
    return [row.pk for row in Message.objects.bulk_create(rows)]


def test_a_lone_message_behind_a_crowd_of_one_chat_is_found_by_the_sweeper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweeper, "FAR", 10)
    monkeypatch.setattr(sweeper, "_places", {})
    handled: list[int] = []
    monkeypatch.setattr(drain, "handle", lambda got: handled.extend(m.pk for m in got) or 0)
    monkeypatch.setattr(drain, "step", lambda lane: 0)
    monkeypatch.setattr(sweeper.wake, "wake", lambda lane: None)
    head, *_ = crowd("crowded", 35)
    (lone,) = crowd("lonely", 1)
    late = timezone.now() - sweeper.LATE - HOUR
    Message.objects.update(not_before=late)
    for _ in range(4):
        sweeper.lanes()
    assert handled == [head, lone]
    sweeper.lanes()  # and from the start again, where all is under way
    assert handled == [head, lone]


def test_who_looks_on_gets_what_stands_behind() -> None:
    keys = crowd("crowded", 6)
    now = timezone.now()
    heads = drain.line.look(now=now, after=(0, keys[1]), window=2, lane="interactive")
    assert (heads.keys, heads.rest) == ([], (0, keys[3]))
    heads = drain.line.look(now=now, after=(0, keys[3]), window=3, lane="interactive")
    assert (heads.keys, heads.rest) == ([], START)
