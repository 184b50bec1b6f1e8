"""Statements that are built once say what the ORM says, wherever and however they run."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import EmptyResultSet
from django.db import DatabaseError, connection, transaction
from django.db.transaction import TransactionManagementError

from apps.assistant import drain
from apps.assistant.models import Conversation, Job, Message
from apps.core import work
from apps.core.clock import utcnow
from apps.core.sql import (
    Among,
    Behind,
    Prepared,
    Slot,
    Statement,
    adapted,
    here,
    light_commit,
    listed,
)
from apps.core.sqlite.base import DatabaseWrapper
from apps.im import delivery
from apps.im.models import Delivery
from tests.core import workrows
from tests.core.sqlite_files import ALIAS

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
due = Prepared(
    lambda: (
        Message.objects.filter(Among("pk", "keys"), not_before__lte=Slot("now"), text=Slot("text"))
        .order_by("pk")
        .values_list("pk", "not_before", "payload", "mentions_bot")
    )
)
whole = Prepared(lambda: Delivery.objects.filter(Among("pk", "keys")).order_by("pk"))
window = Prepared(lambda: Job.objects.order_by("pk").values_list("pk"), window=True)
TEXTS = ["", "x", "100 %", "%s", "%%s", "?", "'; DROP TABLE x; --", "'\"\\", "好", "🙂", "a\nb"]


def message(**fields: Any) -> Message:
    home = workrows.home()
    return Message.objects.create(
        bot=home.bot, conversation=home.conversation, event_id=uuid.uuid4().hex, **fields
    )


@pytest.mark.django_db
@pytest.mark.parametrize("text", TEXTS)
def test_what_is_asked_for_is_what_the_orm_finds(text: str) -> None:
    found = message(text=text, not_before=NOW, payload={"a": [1, None, text]}, mentions_bot=True)
    other = message(text=text + "!", not_before=NOW)
    late = message(text=text, not_before=NOW + timedelta(microseconds=1))
    rows = due.rows(keys=[found.pk, other.pk, late.pk, 10**12], now=NOW, text=text)
    assert rows == [(found.pk, NOW, {"a": [1, None, text]}, True)]
    assert rows == list(
        Message.objects.filter(pk=found.pk).values_list(
            "pk", "not_before", "payload", "mentions_bot"
        )
    )
    assert due.rows(keys=[], now=NOW, text=text) == []
    assert due.rows(keys={found.pk}, now=NOW - timedelta(microseconds=1), text=text) == []


@pytest.mark.django_db
def test_instances_are_those_of_the_orm(django_assert_num_queries: Callable[[int], Any]) -> None:
    keys = workrows.make(Delivery, 3)
    Delivery.objects.filter(pk=keys[0]).update(
        card={"title": "x"}, expires_at=NOW, conversation=None, text="好%s"
    )
    with django_assert_num_queries(1):
        made = whole.instances(keys=keys)
    with django_assert_num_queries(0):
        got = [
            {f.attname: getattr(one, f.attname) for f in one._meta.concrete_fields} for one in made
        ]
    wanted = list(Delivery.objects.order_by("pk").values())
    assert [{**row, "key": str(row["key"])} for row in got] == [
        {**row, "key": str(row["key"])} for row in wanted
    ]
    assert type(made[0].key) is uuid.UUID
    assert not any(one._state.adding for one in made)
    made[0].text = "new"
    made[0].save()
    assert Delivery.objects.get(pk=keys[0]).text == "new"


@pytest.mark.django_db
def test_a_window_is_given_to_each_run() -> None:
    keys = [(key,) for key in workrows.make(Job, 5)]
    assert window.rows(2, 0) == keys[:2]
    assert window.rows(2, 3) == keys[3:]
    assert window.rows(9, 9) == []


@pytest.mark.django_db
def test_a_list_of_texts_may_hold_any_text() -> None:
    home = workrows.home()
    among = Prepared(
        lambda: (
            Conversation.objects.filter(Among("chat_id", "chats"))
            .order_by("pk")
            .values_list("chat_id")
        )
    )
    texts = [text for text in TEXTS if text]
    for text in texts:
        Conversation.objects.create(bot=home.bot, chat_id=text)
    assert among.rows(chats=texts) == [(text,) for text in texts]
    assert among.rows(chats={"nobody", texts[1]}) == [(texts[1],)]


@pytest.mark.django_db
def test_rows_stand_behind_a_place_in_the_order_of_their_columns() -> None:
    behind = Prepared(
        lambda: (
            Job.objects.filter(Behind(turn="turn", pk="key"))
            .order_by("turn", "pk")
            .values_list("turn", "pk")
        )
    )
    rows = [(turn, key) for turn in (0, 1, 2) for key in workrows.make(Job, 2, turn=turn)]
    rows.sort()
    for number, (turn, key) in enumerate(rows):
        assert behind.rows(turn=turn, key=key) == rows[number + 1 :]
    assert behind.rows(turn=-1, key=0) == rows


@pytest.mark.django_db
def test_what_can_find_nothing_says_so_when_it_is_built() -> None:
    nothing = Prepared(lambda: Job.objects.filter(pk__in=[]))
    for _ in range(2):
        with pytest.raises(EmptyResultSet):
            nothing.rows()


@pytest.mark.django_db
def test_a_missing_value_is_an_error_and_not_a_null() -> None:
    with pytest.raises(KeyError, match="text"):
        due.rows(keys=[1], now=NOW)


@pytest.mark.django_db(transaction=True)
def test_one_statement_serves_many_threads_at_once() -> None:
    keys = workrows.make(Job, 20)
    fresh = Prepared(
        lambda: Job.objects.filter(Among("pk", "keys")).order_by("pk").values_list("pk")
    )
    begin, wrong = threading.Barrier(4), []

    def ask(part: int) -> None:
        begin.wait(30)
        mine = [(key,) for key in keys[part::4]]
        for _ in range(30):
            if (got := fresh.rows(keys=keys[part::4])) != mine:
                wrong.append((got, mine))
        connection.close()

    threads = [threading.Thread(target=ask, args=[part]) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.django_db
def test_a_broken_transaction_runs_nothing() -> None:
    workrows.make(Job)
    with pytest.raises(ValueError, match="mine"), transaction.atomic():
        broken(lambda: window.rows(1, 0))
    assert len(window.rows(1, 0)) == 1


def broken(act: Callable[[], object]) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(savepoint=False):
        Statement("SELECT x FROM no_such_table WHERE y = %s").rows(here(), [1])
    with pytest.raises(TransactionManagementError):
        act()
    raise ValueError("mine")


@pytest.mark.django_db
def test_locking_is_asked_for_and_given() -> None:
    locked = Prepared(lambda: Job.objects.filter(Among("pk", "keys")).values_list("pk"), lock=True)
    keys = workrows.make(Job)
    assert locked.rows(keys=keys) == [(keys[0],)]
    says = "FOR UPDATE OF" in locked.compiled(connection).statement.text
    assert says == (connection.vendor == "postgresql")


def test_a_percent_sign_stays_one(database: DatabaseWrapper) -> None:
    with transaction.atomic(using=ALIAS):  # where the driver is asked directly
        rows = Statement("SELECT STRFTIME('%%s', %s), '%%', %s, '%%s'").rows(
            database, ["1970-01-01 00:00:09", "%s"]
        )
    assert rows == [("9", "%", "%s", "%s")]


MOMENTS = [
    NOW,
    NOW.replace(microsecond=0),
    NOW.astimezone(timezone(timedelta(hours=-9, minutes=-30))),
    datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=0),
    datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
]


@pytest.mark.django_db
@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_times_are_written_as_django_writes_them(moment: datetime) -> None:
    django = here().ops.adapt_datetimefield_value(moment)
    for _ in range(2):
        assert adapted(here(), moment) == django


def test_times_in_memory_are_told_apart(database: DatabaseWrapper) -> None:
    early, late = MOMENTS[3:5]
    assert early == late  # to Python, within one zone
    assert adapted(database, early) == "2026-10-25 00:30:00"
    assert adapted(database, late) == "2026-10-25 01:30:00"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "payload", [{}, [], {"a": None}, {"好": "🙂%s"}, [1, 2.5, True, "x"], {"n": {"m": [{}]}}]
)
def test_json_comes_back_as_it_was(payload: Any) -> None:
    row = message(payload={"before": 1})
    changed = Statement(
        "UPDATE assistant_message SET payload = %s WHERE id = %s"
        if connection.vendor == "sqlite"
        else "UPDATE assistant_message SET payload = %s::jsonb WHERE id = %s"
    )
    assert changed.count(here(), [adapted(here(), payload), row.pk]) == 1
    row.refresh_from_db()
    assert row.payload == payload


def test_values_are_adapted_for_sqlite(database: DatabaseWrapper) -> None:
    key = uuid.UUID(int=7)
    assert adapted(database, key) == key.hex
    assert adapted(database, None) is None
    assert adapted(database, {"a": "\ud800"}) == '{"a": "\\ud800"}'
    assert listed(database, iter(["a", "b"])) == '["a", "b"]'
    with pytest.raises(UnicodeEncodeError):  # refused, as by Django: nothing is stored in its place
        Statement("SELECT %s").rows(database, ["\ud800"])


def synchronous(database: DatabaseWrapper) -> int:
    ((found,),) = Statement("PRAGMA synchronous").rows(database, [])
    return int(found)


def test_a_light_commit_is_light_and_the_next_is_not(database: DatabaseWrapper) -> None:
    with light_commit(database):
        assert synchronous(database) == 1
        with transaction.atomic(using=ALIAS):
            assert synchronous(database) == 1
    assert synchronous(database) == 2
    with pytest.raises(ValueError, match="mine"), light_commit(database):
        raise ValueError("mine")
    assert synchronous(database) == 2
    with light_commit(database):
        database.close()
    assert synchronous(database) == 2


def test_inside_a_transaction_no_commit_is_made_lighter(database: DatabaseWrapper) -> None:
    database.ensure_connection()
    database.connection.execute("PRAGMA synchronous=FULL")
    with transaction.atomic(using=ALIAS), light_commit(database):
        assert synchronous(database) == 2


@contextmanager
def lightened() -> Iterator[list[str]]:
    """The times at which commits were made lighter."""
    found: list[str] = []
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        connection.connection.set_trace_callback(
            lambda sql: found.append(sql) if "synchronous=NORMAL" in sql else None
        )
    yield found
    if connection.vendor == "sqlite":
        connection.connection.set_trace_callback(None)


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_a_power_cut_must_not_undo_is_written_through() -> None:
    """What goes out after a claim goes out again, as a possible repeat, or never."""
    deliveries = workrows.make(Delivery, 2)
    keys = workrows.make(Job)
    workrows.make(Message)
    claims: list[Callable[[], list[Any]]] = [
        lambda: delivery.line.claim(1, now=utcnow(), limited=[]),
        lambda: delivery.take_in.run(1, now=utcnow(), keys=deliveries[1:], limited=[]),
        lambda: work.claim(work.claimable(Job, utcnow()).filter(pk__in=keys), 1),
    ]
    with lightened() as times:
        for claim in claims:
            assert len(claim()) == 1
        assert times == []
        assert len(drain.claim("interactive")) == 1  # its effects are one commit
        assert len(times) == (connection.vendor == "sqlite")


@pytest.mark.django_db
def test_a_claim_built_once_sees_each_time_as_it_is() -> None:
    claim = work.Claim(lambda: work.claimable(Job, Slot("now")))
    keys = workrows.make(Job, 2, not_before=NOW)
    assert claim.run(5, now=NOW - timedelta(seconds=1)) == []
    assert [job.pk for job in claim.run(1, now=NOW)] == keys[:1]
    assert [job.pk for job in claim.run(5, now=NOW)] == keys[1:]
