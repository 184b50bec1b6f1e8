"""What a running job shows: a sign, then one card that is edited, then an answer that names who
asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from apps.accounts.models import Person
from apps.assistant import actions, approvals, finish, jobs, progress, runner, wake, watch, words
from apps.assistant.models import Approval, Job
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.core.loop import outside
from apps.im import cards, marks, registry
from apps.im.base import Abilities, Place, SendContext
from apps.im.models import Delivery
from apps.im.platforms.webhook import Webhook
from apps.skills import base as skills
from apps.skills.base import Context
from apps.skills.registry import borrowed
from tests.assistant.conftest import Chat

pytestmark = pytest.mark.django_db
GROUP = {"chat_id": "g1", "chat_type": "group", "sender_name": "Ms Alice"}


class Clock:
    """A monotonic clock that goes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Signing(Webhook):
    """A platform that has a sign; it notes for which messages it was shown."""

    abilities = Abilities(edits=True, buttons=True, signs=True)
    signed: list[Place]

    async def sign(self, ctx: SendContext, place: Place) -> None:
        self.signed.append(place)


class Plain(Webhook):
    """A platform that cannot change what it shows."""

    abilities = Abilities(edits=False, buttons=True)


@pytest.fixture(autouse=True)
def trial_skills(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Skills made for these tests; nothing is published."""
    monkeypatch.setattr(jobs, "_publish", lambda job: None)
    monkeypatch.setattr(wake, "wake", lambda lane: None)
    with borrowed():

        @skills.skill(name="trial", zh="试验")
        def trial(text: str = "it") -> str:
            """Do something."""
            return f"did {text}"

        @skills.skill(name="careful", zh="小心", confirm=True)
        def careful() -> str:
            """Ask first."""
            return "did it"

        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


def running(chat: Chat, text: str = "/trial", **where: object) -> Job:
    """A job that a worker has just claimed and attached."""
    chat.say("alice", text, **where)
    job = Job.objects.order_by("-pk")[0]
    lease = timezone.now() + timedelta(minutes=1)
    Job.objects.filter(pk=job.pk).update(
        state="running", attempts=1, lease_until=lease, started_at=utcnow() - timedelta(seconds=75)
    )
    job.refresh_from_db()
    runner._attach(job)
    return job


def shown() -> Delivery:
    return Delivery.objects.get(role="progress")


def ticks(board: progress.Board, clock: Clock, *seconds: float) -> None:
    for one in seconds:
        clock.now = 1000.0 + one
        board.tick()


def test_no_card_before_a_second_and_a_half(chat: Chat, clock: Clock) -> None:
    board = progress.Board(running(chat), clock)
    board.note("quickly")
    ticks(board, clock, 0.1, 0.5, 1.0, 1.49)
    assert not Delivery.objects.exists()
    assert not board.shown
    ticks(board, clock, 1.5)
    assert "quickly" in shown().text
    assert board.shown


def test_the_card_shows_steps_time_and_a_way_to_stop(chat: Chat, clock: Clock) -> None:
    job = running(chat)
    board = progress.Board(job, clock)
    for step in "abcdefgh":
        board.note(f"step {step}")
    board.note("step h")
    ticks(board, clock, 62.0)
    card = cards.Card.from_json(shown().card)
    lines = "\n".join(cards.block_text(block) for block in card.blocks).splitlines()
    assert "✓ 前面 2 步" in lines
    assert [line for line in lines if line.startswith("✓ step")] == [f"✓ step {s}" for s in "cdefg"]
    assert lines.count("▸ step h") == 1
    assert "已用时: 1 分 2 秒" in lines
    assert [button.cmd for button in card.buttons] == [f"/cancel {job.number}"]


def test_steps_that_come_close_together_are_one_edit(chat: Chat, clock: Clock) -> None:
    board = progress.Board(running(chat), clock)
    ticks(board, clock, 1.5)
    for step in range(50):
        board.note(str(step))
        ticks(board, clock, 1.5 + step / 100)  # the last one before two seconds
    assert shown().revision == 0
    ticks(board, clock, 2.0)
    assert shown().revision == 1
    assert "▸ 49" in shown().text
    ticks(board, clock, 2.6, 5.0, 13.0)
    assert shown().revision == 1  # nothing new


def test_the_time_goes_on_by_itself(chat: Chat, clock: Clock) -> None:
    board = progress.Board(running(chat), clock)
    ticks(board, clock, 2.0, 13.9)
    assert shown().revision == 0
    ticks(board, clock, 14.0)
    assert (shown().revision, "14 秒" in shown().text) == (1, True)


def test_an_edit_that_failed_is_made_again(
    chat: Chat, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = progress.Board(running(chat), clock)
    ticks(board, clock, 1.5)
    board.note("next")
    real = progress.show

    def broken(*args: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(progress, "show", broken)
    with pytest.raises(OperationalError):
        ticks(board, clock, 2.5)
    monkeypatch.setattr(progress, "show", real)
    ticks(board, clock, 2.6)  # not at once
    assert "next" not in shown().text
    ticks(board, clock, 3.0)
    assert "next" in shown().text


def test_who_decided_stays_on_the_card(chat: Chat, clock: Clock) -> None:
    chat.say("alice", "/careful", **GROUP)
    chat.press("alice", shown(), f"/approve {Approval.objects.get().code}")
    job = Job.objects.get()
    assert not shown().card["buttons"]
    Job.objects.update(state="running", attempts=1, lease_until=timezone.now())
    job.refresh_from_db()
    runner._attach(job)
    ticks(progress.Board(job, clock), clock, 2.0)
    assert "由 Alice 于" in shown().text
    assert shown().card["buttons"]
    progress.close(job, "succeeded")
    assert "由 Alice 于" in shown().text
    assert not shown().card["buttons"]


def test_the_end_says_how_it_ended_and_how_long_it_took(chat: Chat, clock: Clock) -> None:
    job = running(chat)
    ticks(progress.Board(job, clock), clock, 2.0)
    finish.end_running(job, "failed", cards.answer("no"), actor=Actor.system("t"), now=utcnow())
    assert "失败" in shown().text
    assert "1 分 15 秒" in shown().text


def test_who_cancelled_is_said(chat: Chat, clock: Clock, alice: Person) -> None:
    job = running(chat)
    ticks(progress.Board(job, clock), clock, 2.0)
    actions.cancel_job(job, alice)
    assert "由 Alice 于" in shown().text
    assert "取消" in shown().text


def test_a_run_that_is_over_draws_nothing(chat: Chat, clock: Clock, alice: Person) -> None:
    job = running(chat)
    board = progress.Board(job, clock)
    actions.cancel_job(job, alice)
    ticks(board, clock, 2.0)
    assert not Delivery.objects.filter(role="progress").exists()


# ---- a sign, and platforms that edit nothing ----


def put_in(monkeypatch: pytest.MonkeyPatch, platform: Webhook) -> None:
    monkeypatch.setitem(registry.all_platforms(), "webhook", platform)  # type: ignore[arg-type]


def settled() -> None:
    async def last() -> None:
        return None

    outside.submit(last()).result(5)


def test_a_sign_comes_within_a_second_and_once(
    chat: Chat, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Signing()
    platform.signed = []
    put_in(monkeypatch, platform)
    job = running(chat, payload={"extra": {"thread": "7"}})
    board = progress.Board(job, clock)
    ticks(board, clock, 0.4)
    settled()
    assert platform.signed == []
    ticks(board, clock, 0.6, 0.9, 2.0)
    settled()
    assert job.message is not None
    assert platform.signed == [
        Place("chat-alice", "private", job.message.platform_message_id, "u-alice", {"thread": "7"})
    ]


def test_without_edits_one_notice_tells_of_a_long_job(
    chat: Chat, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in(monkeypatch, Plain())
    job = running(chat)
    board = progress.Board(job, clock)
    board.note("step")
    ticks(board, clock, 1.5, 5.0, 9.9)
    assert not Delivery.objects.exists()
    ticks(board, clock, 10.0, 11.0, 60.0)
    told = Delivery.objects.get()
    assert (told.role, told.chat_id) == ("notice", "chat-alice")
    assert job.number in told.text
    ticks(progress.Board(job, clock), clock, 90.0)  # its next attempt, half a minute on
    assert Delivery.objects.count() == 1


# ---- the answer after a card ----


def ended(job: Job) -> Delivery:
    finish.end_running(
        job, "succeeded", cards.answer("done"), actor=Actor.system("t"), now=utcnow()
    )
    return Delivery.objects.get(role="answer")


def test_in_a_group_the_answer_after_a_card_names_who_asked(chat: Chat, clock: Clock) -> None:
    job = running(chat, **GROUP)
    ticks(progress.Board(job, clock), clock, 2.0)
    answer = ended(job)
    assert answer.context == {"mention": "u-alice", "mention_name": "Ms Alice"}
    (parcel,), _ = marks.prepare([answer])
    out = parcel.outgoing
    assert (out.mention, out.mention_name, parcel.update) == ("u-alice", "Ms Alice", False)


def test_without_a_card_or_a_group_nobody_is_named(chat: Chat, clock: Clock) -> None:
    assert ended(running(chat, **GROUP)).context == {}
    Delivery.objects.all().delete()
    job = running(chat, chat_id="own")
    ticks(progress.Board(job, clock), clock, 2.0)
    assert ended(job).context == {}


# ---- the watch draws it ----


@pytest.mark.django_db(transaction=True)
def test_the_watch_shows_the_steps_of_a_running_skill(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "TICK_S", 0.01)
    monkeypatch.setattr(progress, "CARD_S", 0.0)
    monkeypatch.setattr(progress, "GAP_S", 0.0)
    seen = threading.Event()
    real = progress.show

    def show(job: Job, card: cards.Card) -> None:
        real(job, card)
        if "second" in cards.to_text(card):
            seen.set()

    monkeypatch.setattr(progress, "show", show)
    later: list[tuple[str, float]] = []
    monkeypatch.setattr(wake, "later", lambda lane, seconds: later.append((lane, seconds)))

    @skills.skill(name="steps", zh="步骤")
    def steps(ctx: Context) -> str:
        """Report."""
        ctx.progress("first")
        ctx.progress(words.CANCEL)
        ctx.progress("second")
        assert seen.wait(10)
        return "done"

    message = chat.say("alice", "/steps", **GROUP)
    runner.run(Job.objects.get().pk)
    answer = Delivery.objects.get(message=message, role="answer")
    assert answer.text == "done"
    assert answer.context["mention"] == "u-alice"
    assert "已完成" in shown().text
    assert later == [("interactive", 0.5)]


def test_a_quick_job_shows_nothing_and_hurries_nobody(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake, "later", lambda lane, seconds: pytest.fail("nothing was shown"))
    began = time.monotonic()
    message = chat.say("alice", "/trial", **GROUP)
    runner.run(Job.objects.get().pk)
    assert time.monotonic() - began < progress.CARD_S
    assert [d.role for d in Delivery.objects.filter(message=message)] == ["answer"]


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [(0.4, "0 秒", "0 s"), (59.9, "59 秒", "59 s"), (61, "1 分 1 秒", "1 min 1 s")],
)
def test_times_for_people(seconds: float, zh: str, en: str) -> None:
    assert (words.duration(seconds, "zh-hans"), words.duration(seconds, "en")) == (zh, en)


def test_what_was_decided_reads_well(alice: Person, chat: Chat) -> None:
    at = utcnow()
    decide: Callable[..., Approval] = Approval
    row = decide(kind="approve", state="waiting", code="x", digest="", expires_at=at)
    assert words.decision(row, "en") == ""
    row.state = "expired"
    assert words.decision(row, "en") == "Result: expired"
    row.state, row.decided_by, row.decided_at = "approved", alice, at
    assert words.decision(row, "en") == f"Approved by Alice at {words.time_of_day(at)}"
    row.kind = "confirm"
    assert words.decision(row, "en") == f"Confirmed by Alice at {words.time_of_day(at)}"
    assert timedelta(minutes=30) == approvals.LIFE
