"""Many rows in one statement say what the ORM would have said, on either database."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import DatabaseError, DataError, IntegrityError, connection, transaction

from apps.assistant.models import Conversation, Job, Message
from apps.audit import log
from apps.audit.log import Actor, Entry
from apps.audit.models import AuditRow
from apps.core import bulk, work
from apps.core.clock import utcnow
from apps.im import delivery
from apps.im.models import Delivery
from tests.core import workrows

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 5, 6, 7, 80009, tzinfo=UTC)
TEXTS = ["", "x", "100 %s %% ?", "'\"\\", "{}", "好🙂", "a\nb\tc", "null", "1", "true", " x "]
PAYLOADS: list[Any] = [
    {}, [], {"a": None}, {"好": "🙂%s"}, [1, 2.5, True, "x", None], {"n": {"m": [{}]}},
    {"big": 2**60, "tiny": 1e-9}, {"text": "\\u0041 \\ \" '"},
]  # fmt: skip
CHAT = ("bot_id", "chat_id", "chat_type", "title", "created_at", "fresh_since", "memory")
chats = bulk.Insert(Conversation, CHAT, skip=True, returning=("chat_id", "id"))
jobs = bulk.InsertModels(Job)
texts = bulk.Update(Message, ["text", "payload", "person_id", "handled_at", "mentions_bot", "turn"])
ends = bulk.Settle(Job, ["state", "result", "finished_at", "last_error"])


def chat(name: str, **fields: Any) -> tuple[Any, ...]:
    values = {"chat_type": "private", "title": "", "created_at": NOW, "fresh_since": None}
    values |= {"memory": False, **fields}
    return (workrows.home().bot.pk, name, *values.values())


def messages(count: int) -> list[Message]:
    keys = workrows.make(Message, count)
    return list(Message.objects.filter(pk__in=keys).order_by("pk"))


def test_rows_are_inserted_in_order_as_they_are() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    rows = [chat(f"c{n}", title=text, fresh_since=elsewhere) for n, text in enumerate(TEXTS)]
    made = chats.run(rows)
    assert [name for name, _ in made] == [row[1] for row in rows]
    assert [key for _, key in made] == sorted(key for _, key in made)
    stored = Conversation.objects.in_bulk([key for _, key in made])
    for (name, key), text in zip(made, TEXTS, strict=True):
        row = stored[key]
        assert (row.chat_id, row.title, row.created_at, row.fresh_since) == (name, text, NOW, NOW)


def test_what_is_there_already_is_left_out_and_the_others_are_told() -> None:
    ((_, first),) = chats.run([chat("a", title="old")])
    made = dict(chats.run([chat("b"), chat("a", title="new"), chat("c"), chat("b", title="twice")]))
    assert sorted(made) == ["b", "c"]
    assert Conversation.objects.get(pk=first).title == "old"
    assert Conversation.objects.get(pk=made["b"]).title == ""
    assert chats.run([]) == []


@pytest.mark.parametrize("count", [1, 2, 166, 167, 500, 501, 1001])
def test_more_rows_than_a_statement_takes_are_several_statements(
    count: int, django_assert_num_queries: Callable[[int], Any]
) -> None:
    most = (
        bulk.MOST_ROWS if connection.vendor == "postgresql" else bulk.MOST_PARAMETERS // len(CHAT)
    )
    rows = [chat(f"c{n}") for n in range(count)]
    with django_assert_num_queries(math.ceil(count / most)):
        made = chats.run(rows)
    assert [name for name, _ in made] == [f"c{n}" for n in range(count)]
    assert Conversation.objects.filter(chat_id__startswith="c").count() == count


def a_job(**fields: Any) -> Job:
    home = workrows.home()
    number = uuid.uuid4().hex[:12]
    return Job(
        number=number, person=home.person, conversation=home.conversation, skill="x", **fields
    )


def values(model: Any, key: int) -> dict[str, Any]:
    return dict(model.objects.values().get(pk=key))


@pytest.mark.parametrize("payload", PAYLOADS, ids=str)
def test_an_instance_is_inserted_as_the_orm_inserts_it(
    payload: Any, django_assert_num_queries: Callable[[int], Any]
) -> None:
    fields = {
        "parameters": payload, "result": payload, "not_before": NOW, "created_at": NOW,
        "trace_id": "t" * 32, "last_error": "好 %s", "stop_requested": True,
    }  # fmt: skip
    ours, theirs = a_job(**fields), a_job(**fields)
    theirs.save()
    ours.retry_of = theirs
    with django_assert_num_queries(1):
        jobs.run([ours])
    assert ours.pk > theirs.pk
    own = {"id": ours.pk, "number": ours.number, "retry_of_id": theirs.pk}
    assert values(Job, ours.pk) == {**values(Job, theirs.pk), **own}
    assert (ours._state.adding, ours._state.db) == (False, "default")
    ours.skill = "y"
    ours.save()
    assert Job.objects.get(pk=ours.pk).skill == "y"


def test_nothing_in_a_json_column_is_null() -> None:
    one = a_job()
    jobs.run([one])
    assert Job.objects.filter(pk=one.pk, result__isnull=True).exists()


def test_each_instance_gets_its_own_key() -> None:
    made = [a_job(turn=n) for n in range(120)]
    jobs.run(made)
    assert dict(Job.objects.values_list("pk", "turn")) == {job.pk: job.turn for job in made}
    jobs.run([])


def test_a_delivery_is_leased_by_the_databases_clock() -> None:
    home = workrows.home()
    made = [
        Delivery(bot=home.bot, conversation=home.conversation, role="notice", card={"n": n})
        for n in range(3)
    ]
    delivery.insert.run(made, lease_until=[30, None, 60])
    left = []
    for one in made:
        row = Delivery.objects.get(pk=one.pk)
        assert (row.key, row.card) == (one.key, one.card)
        left.append(row.lease_until and (row.lease_until - utcnow()).total_seconds())
    assert left[1] is None
    assert 25 < left[0] < 31
    assert 55 < left[2] < 61


def test_each_row_is_updated_to_its_own_values() -> None:
    rows = messages(len(PAYLOADS) + 1)
    person = workrows.home().person.pk
    new = [
        (row.pk, text, payload, person if n % 2 else None, NOW if n % 3 else None, bool(n % 2), n)
        for n, (row, text, payload) in enumerate(zip(rows, TEXTS, PAYLOADS, strict=False))
    ]
    assert texts.run([*new, (10**12, "", {}, None, None, False, 0)]) == len(PAYLOADS)
    names = ("pk", "text", "payload", "person_id", "handled_at", "mentions_bot", "turn")
    stored = Message.objects.filter(pk__in=[row.pk for row in rows[:-1]]).order_by("pk")
    assert list(stored.values_list(*names)) == new
    assert values(Message, rows[-1].pk)["text"] == rows[-1].text
    assert texts.run([]) == 0


def test_many_rows_are_updated_whatever_their_number() -> None:
    rows = messages(520)
    assert texts.run([(r.pk, f"t{r.pk}", {}, None, None, False, 0) for r in rows]) == 520
    assert all(r.text == f"t{r.pk}" for r in Message.objects.all())


def test_only_what_is_still_ours_is_settled() -> None:
    workrows.make(Job, 6)
    ours, zombie, lost, ended, free, other = work.claim(work.claimable(Job, utcnow()), 6)
    Job.objects.filter(pk=zombie.pk).update(attempts=2)
    Job.objects.filter(pk=lost.pk).update(state="waiting", lease_until=None)
    Job.objects.filter(pk=ended.pk).update(state="succeeded")
    Job.objects.filter(pk=free.pk).update(lease_until=None)
    before = {job.pk: values(Job, job.pk) for job in (zombie, lost, ended, free)}
    claimed = (ours, zombie, lost, ended, free, other)
    rows = [(j.pk, j.attempts, "failed", {"of": j.pk}, NOW, f"why {j.pk}") for j in claimed]
    assert ends.run(rows) == {ours.pk, other.pk}
    assert {key: values(Job, key) for key in before} == before
    for job in (ours, other):
        row = Job.objects.get(pk=job.pk)
        assert (row.state, row.lease_until, row.result) == ("failed", None, {"of": job.pk})
        assert (row.finished_at, row.last_error) == (NOW, f"why {job.pk}")
    assert ends.run(rows) == set()
    assert ends.run([]) == set()


def test_a_row_that_breaks_a_rule_takes_all_of_them_with_it() -> None:
    good, bad = a_job(), a_job(trace_id="x")
    bad.number = good.number
    with pytest.raises(IntegrityError), transaction.atomic():
        jobs.run([good, bad])
    assert not Job.objects.exists()
    assert good.pk is None or not Job.objects.filter(pk=good.pk).exists()


@pytest.mark.parametrize("text", ["\0", "\ud800"], ids=["NUL", "surrogate"])
def test_what_a_database_cannot_hold_is_refused_or_kept(text: str) -> None:
    row = messages(1)[0]
    try:
        with transaction.atomic():
            texts.run([(row.pk, text, {}, None, None, False, 0)])
    except (DataError, DatabaseError, UnicodeEncodeError):
        assert values(Message, row.pk)["text"] == row.text
    else:
        assert connection.vendor == "sqlite"
        assert values(Message, row.pk)["text"] == text


def test_the_audit_is_written_in_its_order() -> None:
    log.record_many(
        [Entry(f"a{n}", Actor.system("test"), data={"n": n, "text": "好%s"}) for n in range(150)]
    )
    rows = list(AuditRow.objects.order_by("id").values_list("action", "data"))
    assert rows == [(f"a{n}", {"n": n, "text": "好%s"}) for n in range(150)]
