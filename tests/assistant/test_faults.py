"""What goes wrong in the middle holds nobody else up, loses no answer and gives none twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from amqp.exceptions import RecoverableConnectionError
from django.db import IntegrityError, OperationalError
from django.utils import timezone

from apps.accounts import authz
from apps.accounts.models import Person
from apps.assistant import (
    actions,
    jobs,
    lost,
    pipeline,
    progress,
    runner,
    sweeper,
    wake,
    watch,
    words,
)
from apps.assistant.models import Approval, Conversation, Job, Message
from apps.core import leases, work
from apps.im.models import Delivery
from apps.im.sender import sender
from apps.skills import base as skills
from apps.skills.registry import borrowed
from clawdbot.celery import app
from tests.assistant.conftest import SYSTEM, Chat

Answer = Callable[[Message], str]
pytestmark = pytest.mark.django_db


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[Exception]], None]:
    """Make `/echo poison` break, with an error of this kind."""
    real = pipeline.perform

    def break_with(kind: type[Exception]) -> None:
        def broken(case: object) -> None:
            if case.message.text == "/echo poison":  # type: ignore[attr-defined]
                raise kind("a fault")
            real(case)  # type: ignore[arg-type]

        monkeypatch.setattr(pipeline, "perform", broken)

    return break_with


def kill(*keys: int) -> None:
    """The state in which a message is whose worker died at its last attempt."""
    past = timezone.now() - timedelta(minutes=1)
    Message.objects.filter(pk__in=keys).update(attempts=3, lease_until=past)


def test_a_row_that_the_database_refuses_does_not_hold_up_the_others(
    chat: Chat, poison: Callable[[type[Exception]], None], answer: Answer
) -> None:
    poison(IntegrityError)
    bad = chat.put("bob", "/echo poison")
    good = [chat.put("alice", "/ping"), chat.put("carol", "/ping")]
    chat.handle()
    assert [answer(Message.objects.get(pk=pk)) for pk in good] == ["pong", "pong"]
    for _ in range(2):
        Message.objects.filter(pk=bad).update(not_before=chat.now)
        chat.handle()
    message = Message.objects.get(pk=bad)
    assert message.state == "dead"
    assert f"M{bad}" in answer(message)


def test_a_database_that_is_away_is_nobodys_fault(
    chat: Chat, poison: Callable[[type[Exception]], None]
) -> None:
    poison(OperationalError)
    bad = chat.put("bob", "/echo poison")
    with pytest.raises(OperationalError):
        chat.handle()
    message = Message.objects.get(pk=bad)
    assert (message.state, message.last_error) == ("waiting", "")


def test_a_replayed_message_gets_its_answer(
    chat: Chat, poison: Callable[[type[Exception]], None], answer: Answer
) -> None:
    pk = chat.put("bob", "/ping")
    kill(pk)
    sweeper.messages()
    message = Message.objects.get(pk=pk)
    assert message.state == "dead"
    actions.replay_message(message, SYSTEM)
    chat.handle()
    message.refresh_from_db()
    assert message.state == "done"
    assert answer(message) == "pong"


def test_a_leavers_message_that_died_holds_nobody_up(chat: Chat, bob: Person) -> None:
    keys = [chat.put("bob", "/ping", person_id=bob.pk), chat.put("alice", "/ping")]
    authz.disable_person(bob, SYSTEM)
    kill(*keys)
    sweeper.messages()
    assert set(Message.objects.values_list("state", flat=True)) == {"dead"}
    assert Delivery.objects.filter(role="answer").count() == 2


def test_nothing_is_said_about_a_dead_message_that_was_not_for_us(chat: Chat) -> None:
    kill(chat.put("bob", "morning all", chat_type="group", mentions_bot=False))
    sweeper.messages()
    assert Message.objects.get().state == "dead"
    assert not Delivery.objects.exists()


def test_what_cannot_be_given_up_stops_no_lane(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    def broken(messages: object) -> None:
        raise ValueError("a fault of ours")

    kill(chat.put("bob", "/ping"))
    good = chat.put("alice", "/ping")
    Message.objects.filter(pk=good).update(not_before=timezone.now() - timedelta(minutes=1))
    monkeypatch.setattr(pipeline, "give_up", broken)
    monkeypatch.setattr(wake, "wake", lambda lane: None)
    sweeper.Sweeper("w1", ["interactive"], 1, serves=True).tick()
    assert answer(Message.objects.get(pk=good)) == "pong"


def test_jobs_are_handed_out_though_a_dead_one_cannot_be_answered_for(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(pk: int) -> None:
        raise ValueError("a fault of ours")

    called: list[bool] = []
    chat.say("alice", "/host")
    past = timezone.now() - timedelta(minutes=1)
    Job.objects.update(state="running", attempts=3, lease_until=past)
    monkeypatch.setattr(lost, "give_up", broken)
    monkeypatch.setattr(jobs, "dispatch", lambda: called.append(True))
    sweeper.Sweeper("w1", ["interactive"], 1, serves=True).tick()
    assert called


def test_a_strangers_code_is_kept_with_the_answer_that_tells_it(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    real, failures = pipeline._save, iter([True])

    def save(cases: object) -> list[Delivery]:
        if next(failures, False):
            raise RuntimeError("killed before the commit")
        return real(cases)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "_save", save)
    message = chat.say("mallory", "/ping")
    Message.objects.update(not_before=chat.now)
    chat.handle()
    assert "/chat/" in answer(message)


def test_a_question_that_ends_meanwhile_leaves_no_message_without_answer(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pipeline.steps.authorise

    def authorise(cases: object) -> None:
        real(cases)  # type: ignore[arg-type]
        Job.objects.filter(state="asking").update(state="expired")

    with borrowed():

        @skills.skill(name="trial", zh="试验")
        def trial(text: str) -> str:
            """Say what it did."""
            return f"did {text}"

        chat.say("alice", "/trial")
        assert Job.objects.get().state == "asking"
        monkeypatch.setattr(pipeline.steps, "authorise", authorise)
        message = chat.say("alice", "something")
        Message.objects.update(not_before=chat.now)
        chat.handle()
    message.refresh_from_db()
    answered = Delivery.objects.filter(message=message, role="answer").exists()
    assert answered or Job.objects.filter(message=message).exclude(state__in=Job.FINAL).exists()


def running(person: Person) -> Job:
    skill = skills.get("host")
    assert skill is not None
    conversation = Conversation.objects.get()
    job = jobs.new(
        person=person, conversation=conversation, message=None, skill=skill, parameters={},
        now=timezone.now(), trace_id="t" * 32, reply_role="notice",
    )  # fmt: skip
    lease = timezone.now() + timedelta(minutes=1)
    Job.objects.filter(pk=job.pk).update(state="running", attempts=1, lease_until=lease)
    job.refresh_from_db()
    return job


def test_late_progress_does_not_reopen_the_card_of_a_job_that_is_over(
    chat: Chat, alice: Person
) -> None:
    chat.say("alice", "/ping")
    job = running(alice)
    progress.show(job, words.working(words.Run(job.skill, job.number, ("step 1",)), "en"))
    actions.cancel_job(Job.objects.get(pk=job.pk), alice)
    closed = Delivery.objects.get(role="progress").card
    progress.show(job, words.working(words.Run(job.skill, job.number, ("step 2",)), "en"))
    assert Delivery.objects.get(role="progress").card == closed


def test_no_sign_of_life_comes_after_the_end(chat: Chat, alice: Person) -> None:
    chat.say("alice", "/ping")
    job = running(alice)
    actions.cancel_job(Job.objects.get(pk=job.pk), alice)
    progress.show(job, words.working(words.Run(job.skill, job.number), "en"))
    assert not Delivery.objects.filter(role="progress").exists()


@pytest.mark.django_db(transaction=True)
def test_a_hook_that_breaks_after_the_commit_keeps_no_answer_back(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> int:
        raise OperationalError("away again")

    sent: list[Delivery] = []
    with borrowed():

        @skills.skill(name="careful", zh="小心", confirm=True)
        def careful() -> str:
            """Ask first."""
            return "did it"

        chat.say("alice", "/careful")
        monkeypatch.setattr(jobs, "dispatch", broken)
        monkeypatch.setattr(sender, "submit", sent.extend)
        decided = chat.put("alice", f"/approve {Approval.objects.get().code}")
        other = chat.put("bob", "/ping")
        Message.objects.filter(state="waiting").update(lane="interactive")
        chat.handle()
    assert Message.objects.get(pk=decided).state == "done"
    assert [row.message_id for row in sent] == [other]


def test_a_broker_that_breaks_in_its_own_way_is_a_broker_that_is_away(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RecoverableConnectionError("Socket was disconnected")

    leases.beat("worker", "w1", {"lanes": ["batch", "normal"], "slots": 4})
    chat.say("alice", "/host")
    monkeypatch.setattr(app, "send_task", broken)
    wake._publish("interactive")
    assert jobs.dispatch() == 0
    assert Job.objects.get().queued_until is None


@pytest.mark.django_db(transaction=True)
def test_a_sign_of_life_that_breaks_does_not_end_the_watch(
    chat: Chat, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the lease runs out under a running job, and it runs a second time beside itself."""

    def broken(*args: object) -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(watch, "LOOK_S", 0.01)
    monkeypatch.setattr(watch, "TICK_S", 0.005)
    monkeypatch.setattr(progress.Board, "tick", broken)
    chat.say("alice", "/ping")
    job = running(alice)
    renewed = threading.Event()
    real = work.held

    def held(*args: Any) -> bool:
        looks.append(True)
        if len(looks) > 3:
            renewed.set()
        return real(*args)

    looks: list[bool] = []
    monkeypatch.setattr(work, "held", held)
    with watch.Watch(job, 60, progress.Board(job)):
        assert renewed.wait(10)


def test_a_run_that_was_paused_until_another_took_over_does_not_run(
    chat: Chat, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it loses the job between its claim and its start."""
    chat.say("alice", "/ping")
    job = running(alice)
    Job.objects.update(state="waiting", attempts=0, lease_until=None)
    real = runner.claims.run

    def claim(*args: Any, **kwargs: Any) -> list[Any]:
        found = real(*args, **kwargs)
        Job.objects.update(attempts=2)
        return found

    monkeypatch.setattr(runner.claims, "run", claim)
    runner.run(job.pk)
    assert (Job.objects.get().state, Job.objects.get().attempts) == ("running", 2)
