"""What is asked for every message and every second costs by what it finds, not by what there is.

The statements are those that really run: they are caught on their way, and the database is asked
how it would go about each of them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection

from apps.accounts import identity, rights
from apps.accounts.models import Binding, Person
from apps.assistant import (
    approvals,
    choosing,
    clicks,
    drain,
    inbox,
    jobs,
    pipeline,
    progress,
    steps,
    sweeper,
)
from apps.assistant.inbox import Incoming
from apps.assistant.models import Conversation, Job, Message
from apps.audit import log, seal
from apps.audit.log import Actor, Entry
from apps.core import work
from apps.core.clock import utcnow
from apps.im import delivery, marks
from apps.im.models import Delivery
from apps.im.transport import Result
from apps.webhooks import bots
from tests.core import workrows

pytestmark = pytest.mark.django_db
ENDED = 250  # rows of each kind
OPEN = 60
FEW = 40  # chats, people
BIG = (
    "assistant_message assistant_job assistant_conversation im_delivery audit_auditrow "
    "accounts_binding accounts_person"
)


GROWING = ("assistant_message", "assistant_job", "im_delivery", "audit_auditrow")


@dataclass(frozen=True)
class Rows:
    """What there is."""

    bot: int
    people: list[int]
    chats: list[int]
    deliveries: list[int]
    jobs: list[int]


def fill(home: workrows.Home, chats: list[Conversation]) -> None:
    for model, maker in workrows.MAKERS.items():
        made = []
        for number in range(ENDED + OPEN):
            row: Any = maker(home, turn=number)
            row.conversation = chats[number % FEW]
            row.lane = "normal" if model is Job else "interactive"
            row.created_at = row.not_before
            if number < ENDED:
                row.state = workrows.DONE[model]
            elif model is Job and number % 6 == 0:
                row.state, row.asking_for = "asking", "text"
                row.expires_at = row.not_before + jobs.ASK_LIFE
            made.append(row)
        model._default_manager.bulk_create(made)
    log.record_many([Entry("x", Actor.system("test")) for _ in range(ENDED)])
    seal.seal_once()


@pytest.fixture
def rows() -> Rows:
    """Many that ended and some that are open; PostgreSQL is told how many."""
    home = workrows.home()
    people = Person.objects.bulk_create(Person(name=f"p{n}") for n in range(FEW))
    Binding.objects.bulk_create(
        Binding(bot=home.bot, external_id=f"u{n}", person=one) for n, one in enumerate(people)
    )
    chats = Conversation.objects.bulk_create(
        Conversation(bot=home.bot, chat_id=f"c{n}") for n in range(FEW)
    )
    fill(home, chats)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
            # Tables this small would be read as a whole, which large ones must never be.
            for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
                cursor.execute(f"SET LOCAL enable_{way} = off")
    still_open = [model.objects.filter(state__in=model.READY) for model in (Delivery, Job)]
    deliveries, jobs_ = (
        list(found.order_by("pk").values_list("pk", flat=True)) for found in still_open
    )
    return Rows(home.bot.pk, [p.pk for p in people], [c.pk for c in chats], deliveries, jobs_)


def store(rows: Rows) -> None:
    for number in (1, FEW + 1):
        key = uuid.uuid4().hex
        item = Incoming(rows.bot, "webhook", key, f"c{number}", f"s{number}", "/ping")
        assert inbox.store([item])[0].message_id


def mark(rows: Rows) -> None:
    taken = delivery.take_in.run(2, now=utcnow(), keys=rows.deliveries[:2], limited=[])
    results = [Result(one, "webhook", "sent") for one in taken]
    assert len(results) == 2
    assert marks.mark(results)


def choose(rows: Rows) -> None:
    choice = choosing.Choice(utcnow())
    choice.add(("batch", "normal"), 2)
    assert len(choice.jobs()) == 2
    assert choice._of_people_with_room(("normal",), 1)


def handle(rows: Rows) -> None:
    claimed = drain.claim("interactive", 2)
    assert len(pipeline.ours.rows(keys=[one.pk for one in claimed])) == 2
    values = [(one.pk, "done", "", None, utcnow(), None) for one in claimed]
    assert pipeline.update.run(values) == 2


def run(rows: Rows) -> None:
    claimed = work.claim(work.claimable(Job, utcnow()).filter(pk=rows.jobs[0]), 1)
    assert work.hold(Job, (claimed[0].pk, claimed[0].attempts))
    assert work.settle(claimed, state="succeeded")


def seal_one(rows: Rows) -> None:
    log.record_many([Entry("y", Actor.system("test"))])
    assert seal.seal_once() == 1


BACK = (ENDED + 20, 0)
LINE_OF_MESSAGES = "message_waiting message_open_chat"
LINE_OF_DELIVERIES = "delivery_line delivery_open_chat"
#: Of so few rows PostgreSQL thinks that all that are open are found as cheaply as those that ask.
ASKING = "job_asking" if connection.vendor == "sqlite" else "job_asking job_open"
Act = Callable[[Rows], object]
#: What is done, and the indexes by which it may be done (beside primary keys).
HOT: dict[str, tuple[Act, str]] = {
    "store": (store, "one_conversation message_open_sender"),
    "attach": (
        lambda r: (
            steps.bots_of.instances(keys=[r.bot]),
            steps.conversations_of.instances(keys=r.chats[:3]),
            marks.bots_of.instances(keys=[r.bot]),
            bots.versions.rows(keys=[r.bot]),
        ),
        "",
    ),
    "identify": (lambda r: identity.resolve([(r.bot, "u1")]), "one_binding"),
    "rights": (lambda r: rights.rights_of(r.people[:2]), ""),
    "claim messages": (lambda r: drain.claim("interactive", 5), LINE_OF_MESSAGES),
    "messages far back": (
        lambda r: drain.line.look(now=utcnow(), after=BACK, window=5, lane="interactive"),
        LINE_OF_MESSAGES,
    ),
    "handle messages": (handle, f"{LINE_OF_MESSAGES} message_leased"),
    "silent drains": (lambda r: work.sweep(Message), "message_leased"),
    "deliver": (
        lambda r: delivery.line.claim(5, now=utcnow(), limited=[]),
        LINE_OF_DELIVERIES,
    ),
    "deliver slowly": (
        lambda r: delivery.line_of.claim(5, now=utcnow(), bots=[r.bot]),
        LINE_OF_DELIVERIES,
    ),
    "deliveries far back": (
        lambda r: delivery.line.look(now=utcnow(), after=BACK, window=5, limited=[]),
        LINE_OF_DELIVERIES,
    ),
    "next in some chats": (
        lambda r: delivery.firsts_in.rows(conversations=r.chats[:3]),
        "delivery_open_chat",
    ),
    "busy chats": (lambda r: delivery.busy_conversations(r.chats[:3]), "delivery_open_chat"),
    "mark": (mark, "delivery_leased"),
    "silent senders": (lambda r: work.sweep(Delivery), "delivery_leased"),
    "outlived": (lambda r: delivery.any_outlived.rows(1, 0, now=utcnow()), "delivery_expiring"),
    "choose jobs": (choose, "job_waiting job_later job_turns job_running job_queued"),
    "anything to hand out": (
        lambda r: choosing.waits("batch", utcnow()),
        "job_waiting job_later",
    ),
    "turn of a new job": (
        lambda r: jobs.top_turn.rows(1, 0, person=r.people[0]),
        "job_turns",
    ),
    "run a job": (run, "job_leased job_running"),
    "silent workers": (lambda r: work.sweep(Job), "job_leased job_running"),
    "questions": (lambda r: jobs.open_question(r.chats[:3], utcnow()), ASKING),
    "clicks": (
        lambda r: (
            clicks.cards_of.instances(keys=r.deliveries[:3]),
            clicks.used_of.rows(keys=r.deliveries[:3]),
        ),
        "",
    ),
    "cards of a job": (
        lambda r: progress.cards_of.instances(job=r.jobs[0]),
        "im_delivery_job_id",
    ),
    "unanswered": (lambda r: sweeper.any_unanswered.rows(1, 0, now=utcnow()), ASKING),
    "old approvals": (lambda r: approvals.any_old.rows(1, 0, now=utcnow()), "approval_open"),
    "seal": (seal_one, "audit_unsealed audit_auditrow_seal"),
}
SQLITE = re.compile(
    r"(?:SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?(?:INDEX (\w+)|INTEGER (PRIMARY KEY)))?"
)
ALIAS = re.compile(rf'\b({BIG.replace(" ", "|")})"? (U0|m)\b')
REFERENCE = re.compile(r"_id_[0-9a-f]{8}$")
POSTGRESQL = re.compile(r"Scan(?: Backward)?(?: using (\w+))? on (\w+)")


def caught(act: Callable[[], object]) -> list[tuple[str, Any]]:
    """The statements that it runs."""
    found: list[tuple[str, Any]] = []

    def catch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.split(maxsplit=1)[0] in {"SELECT", "UPDATE", "INSERT", "WITH"}:
            found.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(catch):
        act()
    return found


def plans(sql: str, params: Any) -> Iterator[list[str]]:
    """How the database would go about it.

    With so few rows PostgreSQL sorts as readily as it follows an index: either way may be shown.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            yield [str(row[3]) for row in cursor.fetchall()]
            return
        for sort in ("on", "off"):
            cursor.execute(f"SET LOCAL enable_sort = {sort}")
            cursor.execute(f"EXPLAIN {sql}", params)
            yield [str(row[0]) for row in cursor.fetchall()]


def ways(sql: str, lines: list[str]) -> list[tuple[str, str]]:
    """Table and index (or nothing) of each way into a large table."""
    if connection.vendor == "sqlite":
        found = [match.groups() for line in lines if (match := SQLITE.match(line))]
        named = {short: table for table, short in ALIAS.findall(sql)}
        pairs = [(named.get(table, table), index or key or "") for table, index, key in found]
    else:
        pairs = []
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            if match := POSTGRESQL.search(line):
                index, table = match.groups()
                walked = (index or "").endswith("_pkey") and "Index Cond" not in following
                pairs.append((table, "" if walked else index or ""))
    return [(table, index) for table, index in pairs if table in BIG.split()]


def bad(sql: str, lines: list[str], allowed: str) -> list[str]:
    """The ways that are not allowed."""
    fine = ("PRIMARY KEY", "sqlite_autoindex", *allowed.split())
    pairs = ways(sql, lines)
    if sql.startswith("INSERT"):  # SQLite also plans for what refers to a row that is replaced
        pairs = [pair for pair in pairs if not REFERENCE.search(pair[1])]
    return [
        f"{table} by {index or 'reading all of it'}"
        for table, index in pairs
        if not (index.startswith(fine) or index.endswith("_pkey"))
        # What makes its rows unique begins with the bot, who has most of them.
        or (index.startswith("sqlite_autoindex") and table in GROWING)
    ]


@pytest.mark.parametrize("name", HOT)
def test_no_table_is_read_as_a_whole(rows: Rows, name: str) -> None:
    act, allowed = HOT[name]
    statements = caught(lambda: act(rows))
    assert statements
    for sql, params in statements:
        found = [bad(sql, lines, allowed) for lines in plans(sql, params)]
        assert [] in found, f"{found}: {sql}"


@pytest.mark.parametrize("name", ["messages far back", "deliveries far back"])
def test_who_looks_far_back_passes_over_nothing(rows: Rows, name: str) -> None:
    act, _ = HOT[name]
    ((sql, params),) = caught(lambda: act(rows))
    place = "turn>?" if connection.vendor == "sqlite" else "ROW(turn, id) >"
    for lines in plans(sql, params):
        shown = [line for line in lines if place in line]
        assert shown, lines
        assert not any("Filter" in line for line in shown)


def test_the_open_states_are_those_of_the_indexes() -> None:
    for model in (Message, Job, Delivery):
        conditions = [str(index.condition) for index in model._meta.indexes if index.condition]
        wanted = repr(model.OPEN) if model.OPEN[1:] else repr(model.OPEN[0])
        assert any(wanted in condition for condition in conditions)
        assert set(model.READY) | {model.WORKING} <= set(model.OPEN)
