"""Jobs: dispatched fairly, run once with the rights of that moment, cancelled, retried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts import authz
from apps.accounts.models import Person
from apps.assistant import actions, approvals, choosing, jobs, runner, sweeper
from apps.assistant.models import Approval, Conversation, Job, Message
from apps.audit.models import AuditRow
from apps.core import leases, work
from apps.im.cards import Card, Fields
from apps.im.models import Delivery
from apps.skills import base as skills
from apps.skills.registry import borrowed
from tests.assistant.conftest import SYSTEM, Chat

Answer = Callable[[Message], str]
pytestmark = pytest.mark.django_db
ran: list[str] = []


@pytest.fixture(autouse=True)
def trial_skills() -> Iterator[None]:
    """Skills made for these tests."""
    ran.clear()
    with borrowed():

        @skills.skill(name="trial", zh="试验")
        def trial(text: str) -> str:
            """Note that it ran."""
            ran.append(text)
            return f"did {text}"

        @skills.skill(name="careful", zh="小心", confirm=True)
        def careful(text: str) -> str:
            """Ask first."""
            ran.append(text)
            return f"did {text}"

        @skills.skill(name="risky", zh="危险", approve=True)
        def risky(text: str) -> str:
            """Ask somebody else."""
            ran.append(text)
            return f"did {text}"

        @skills.skill(name="broken", zh="坏的")
        def broken() -> str:
            """Fail."""
            raise ZeroDivisionError("inside")

        yield


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What dispatch would publish, in order."""
    found: list[int] = []
    monkeypatch.setattr(jobs, "_publish", lambda job: found.append(job.pk))
    return found


@pytest.fixture
def worker() -> None:
    """A living worker for each kind of lane, with four slots."""
    leases.beat("worker", "w1", {"lanes": ["batch", "normal"], "slots": 4})
    leases.beat("worker", "w2", {"lanes": ["control", "interactive"], "slots": 4})


def allow(role: str, *permissions: str) -> None:
    for permission in permissions:
        authz.allow(role, permission, SYSTEM)


def make(person: Person, count: int, skill: str = "trial") -> list[Job]:
    found = skills.get(skill)
    assert found is not None
    conversation = Conversation.objects.first()
    assert conversation is not None
    return [
        jobs.new(
            person=person, conversation=conversation, message=None, skill=found,
            parameters={"text": f"{person.name}{n}"}, now=timezone.now(), trace_id="t" * 32,
        )
        for n in range(count)
    ]  # fmt: skip


def test_nothing_is_published_without_a_living_worker(
    chat: Chat, bob: Person, published: list[int]
) -> None:
    chat.say("bob", "/ping")
    make(bob, 2)
    assert jobs.dispatch() == 0


def test_never_more_than_there_are_slots_and_fair_by_person(
    chat: Chat, alice: Person, bob: Person, worker: None, published: list[int]
) -> None:
    chat.say("bob", "/ping")
    make(bob, 10)
    late = make(alice, 1)
    assert jobs.dispatch() == 4
    assert late[0].pk in published[:2]
    assert jobs.dispatch() == 0


def test_one_person_runs_at_most_the_cap(
    chat: Chat, bob: Person, alice: Person, published: list[int]
) -> None:
    leases.beat("worker", "w1", {"lanes": ["batch", "normal"], "slots": 50})
    chat.say("bob", "/ping")
    make(bob, 10)
    make(alice, 1)
    jobs.dispatch()
    owners = list(Job.objects.filter(pk__in=published).values_list("person__name", flat=True))
    assert owners.count("bob") == choosing.RUNNING_CAP
    assert owners.count("alice") == 1


def test_a_lost_celery_message_is_published_again(
    chat: Chat, bob: Person, worker: None, published: list[int]
) -> None:
    chat.say("bob", "/ping")
    make(bob, 1)
    jobs.dispatch()
    Job.objects.update(queued_until=timezone.now() - timedelta(seconds=1))
    jobs.dispatch()
    assert len(published) == 2


def test_a_job_runs_once_and_answers_its_message(
    chat: Chat, answer: Answer, published: list[int]
) -> None:
    message = chat.say("alice", "/trial one")
    job = Job.objects.get()
    runner.run(job.pk)
    runner.run(job.pk)
    assert ran == ["one"]
    job.refresh_from_db()
    assert job.state == "succeeded"
    assert answer(message) == "did one"
    actions_seen = list(AuditRow.objects.filter(object_type="job").values_list("action", flat=True))
    assert actions_seen == ["job.created", "job.started", "job.succeeded"]


@pytest.mark.django_db(transaction=True)
def test_a_job_writes_twice_once_when_it_starts_and_once_when_it_ends(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, published: list[int]
) -> None:
    """Each commit waits for the disk, and what is said of a start stands with the start."""
    chat.say("alice", "/trial one")
    monkeypatch.setattr(runner, "dispatch", lambda: 0)
    with CaptureQueriesContext(connection) as seen:
        runner.run(Job.objects.get().pk)
    said = [query["sql"].split(maxsplit=1)[0] for query in seen]
    assert [word for word in said if word in ("INSERT", "UPDATE", "WITH", "COMMIT")] == [
        *("WITH", "UPDATE", "INSERT", "COMMIT"),
        *("UPDATE", "INSERT", "INSERT", "COMMIT"),
    ]
    assert len(said) <= 21
    assert "SAVEPOINT" not in said


def test_a_role_taken_away_before_the_start_stops_the_job(
    chat: Chat, answer: Answer, bob: Person, published: list[int]
) -> None:
    allow("operator", "skill.trial")
    authz.add_role(bob, "operator", SYSTEM)
    message = chat.say("bob", "/trial one")
    authz.remove_role(bob, "operator", SYSTEM)
    runner.run(Job.objects.get().pk)
    assert ran == []
    assert Job.objects.get().state == "denied"
    assert "skill.trial" in answer(message)
    assert AuditRow.objects.filter(action="permission.denied", object_type="job").exists()


def test_a_fault_is_told_with_the_number(chat: Chat, answer: Answer, published: list[int]) -> None:
    message = chat.say("alice", "/broken")
    runner.run(Job.objects.get().pk)
    job = Job.objects.get()
    assert job.state == "failed"
    assert "ZeroDivisionError" in job.last_error
    assert job.number in answer(message)
    assert "ZeroDivisionError" not in answer(message)


def test_a_zombie_that_comes_back_changes_nothing(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, published: list[int]
) -> None:
    """Its lease ran out while it worked and another run took over."""
    chat.say("alice", "/trial one")
    job = Job.objects.get()
    first = work.claim(work.claimable(Job, timezone.now()).filter(pk=job.pk), 1)[0]
    Job.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
    sweeper.running_jobs()
    runner.run(job.pk)
    assert not work.finish(first, "failed")
    assert Job.objects.get().state == "succeeded"
    assert Delivery.objects.filter(role="answer").count() == 1


def test_a_job_that_dies_again_and_again_is_given_up_with_an_answer(
    chat: Chat, answer: Answer, published: list[int]
) -> None:
    message = chat.say("alice", "/trial one")
    job = Job.objects.get()
    for _ in range(job.max_attempts):
        assert work.claim(work.claimable(Job, timezone.now()).filter(pk=job.pk), 1)
        Job.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
        sweeper.running_jobs()
    job.refresh_from_db()
    assert job.state == "dead"
    assert job.number in answer(message)


def test_cancel_stops_a_waiting_job(chat: Chat, answer: Answer, published: list[int]) -> None:
    message = chat.say("alice", "/trial one")
    job = Job.objects.get()
    chat.say("alice", f"/cancel {job.number}")
    runner.run(job.pk)
    assert ran == []
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert "取消" in answer(message)


def test_only_the_owner_or_console_jobs_may_cancel(
    chat: Chat, bob: Person, answer: Answer, published: list[int]
) -> None:
    chat.say("alice", "/trial one")
    job = Job.objects.get()
    assert job.number in answer(chat.say("bob", f"/cancel {job.number}"))
    job.refresh_from_db()
    assert job.state == "waiting"
    with pytest.raises(authz.Forbidden):
        actions.cancel_job(job, bob)


def test_retry_makes_a_new_job_for_the_owner(
    chat: Chat, answer: Answer, published: list[int]
) -> None:
    chat.say("alice", "/trial one")
    job = Job.objects.get()
    runner.run(job.pk)
    chat.say("alice", f"/retry {job.number}")
    fresh = Job.objects.get(retry_of=job)
    runner.run(fresh.pk)
    assert ran == ["one", "one"]
    assert Delivery.objects.filter(job=fresh, role="notice").exists()


def test_confirm_waits_for_the_asker(chat: Chat, answer: Answer, published: list[int]) -> None:
    message = chat.say("alice", "/careful one")
    job = Job.objects.get()
    code = Approval.objects.get().code
    assert job.state == "asking"
    card = Delivery.objects.get(message=message, role="progress").card
    assert f"/approve {code}" in [b["cmd"] for b in card["buttons"]]
    runner.run(job.pk)
    assert ran == []
    chat.say("bob", f"/approve {code}")
    job.refresh_from_db()
    assert job.state == "asking"
    chat.press("alice", Delivery.objects.get(role="progress"), f"/approve {code}")
    runner.run(job.pk)
    assert ran == ["one"]
    assert answer(message) == "did one"


def test_nobody_approves_their_own_request(chat: Chat, published: list[int]) -> None:
    chat.say("alice", "/risky one")
    chat.say("alice", f"/approve {Approval.objects.get().code}")
    assert Job.objects.get().state == "asking"


def test_one_other_person_with_the_right_approves(
    chat: Chat, bob: Person, answer: Answer, published: list[int]
) -> None:
    message = chat.say("alice", "/risky one")
    code = Approval.objects.get().code
    chat.say("bob", f"/approve {code}")
    assert Job.objects.get().state == "asking"
    allow("operator", "approve.risky")
    authz.add_role(bob, "operator", SYSTEM)
    chat.say("bob", f"/approve {code}")
    runner.run(Job.objects.get().pk)
    assert ran == ["one"]
    assert answer(message) == "did one"
    second = chat.say("bob", f"/deny {code}")
    assert "已经有结果" in answer(second)


def test_those_who_may_decide_are_asked_in_their_web_chat(
    chat: Chat, alice: Person, bob: Person, carol: Person, published: list[int]
) -> None:
    allow("operator", "skill.risky", "approve.risky")
    authz.add_role(bob, "operator", SYSTEM)
    chat.say("bob", "/risky one")
    code = Approval.objects.get().code
    told = Delivery.objects.filter(role="notice")
    assert [d.chat_id for d in told] == [f"person:{alice.pk}"]
    assert f"/approve {code}" in [b["cmd"] for b in told[0].card["buttons"]]


def test_an_approver_who_lost_the_right_before_the_start_stops_it(
    chat: Chat, bob: Person, published: list[int]
) -> None:
    allow("operator", "approve.risky")
    authz.add_role(bob, "operator", SYSTEM)
    chat.say("alice", "/risky one")
    chat.say("bob", f"/approve {Approval.objects.get().code}")
    authz.remove_role(bob, "operator", SYSTEM)
    runner.run(Job.objects.get().pk)
    assert ran == []
    assert Job.objects.get().state == "denied"


def test_whoever_decides_sees_what_would_run(chat: Chat) -> None:
    chat.say("alice", "/risky " + "x" * 600 + "END")
    assert "xEND" in str(Delivery.objects.get(role="progress").card)


def test_whoever_decides_sees_parameters_by_their_labels(chat: Chat) -> None:
    chat.say("alice", "/risky one")
    card = Card.from_json(Delivery.objects.get(role="progress").card)
    (facts,) = [block for block in card.blocks if isinstance(block, Fields)]
    assert ("text", "one") in facts.pairs
    assert "{" not in str(facts.pairs)


def test_not_everybody_who_may_decide_is_listed(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [f"p{number:02}" for number in range(50)]
    monkeypatch.setattr("apps.accounts.authz.holders", lambda permission: many)
    chat.say("alice", "/risky one")
    shown = str(Delivery.objects.get(role="progress").card)
    assert "p09 …" in shown
    assert "p10" not in shown


def test_parameters_hide_nothing() -> None:
    assert approvals.visible({"文": "a\u202eexe.txt\u200b"}) == '{"文":"a\\u202eexe.txt\\u200b"}'


def test_parameters_too_long_to_show_say_so() -> None:
    assert approvals.visible({"text": "x" * 3000}).endswith(" … (+1011)")


def test_changed_parameters_break_the_approval(
    chat: Chat, bob: Person, published: list[int]
) -> None:
    allow("operator", "approve.risky")
    authz.add_role(bob, "operator", SYSTEM)
    chat.say("alice", "/risky one")
    chat.say("bob", f"/approve {Approval.objects.get().code}")
    Job.objects.update(parameters={"text": "something else"})
    runner.run(Job.objects.get().pk)
    assert ran == []


def test_deny_ends_it_and_says_who(chat: Chat, answer: Answer, published: list[int]) -> None:
    allow("member", "approve.risky")
    message = chat.say("alice", "/risky one")
    chat.say("bob", f"/deny {Approval.objects.get().code}")
    assert Job.objects.get().state == "denied"
    assert "Bob" in answer(message)


def test_a_question_expires_after_thirty_minutes(
    chat: Chat, answer: Answer, published: list[int]
) -> None:
    allow("member", "approve.risky")
    message = chat.say("alice", "/risky one")
    approvals.expire_old(chat.later(minutes=31))
    assert Job.objects.get().state == "expired"
    assert "30" in answer(message)
    late = chat.say("bob", f"/approve {Approval.objects.get().code}")
    assert "已过期（无人决定）" in answer(late)
    assert Job.objects.get().state == "expired"


def test_a_reminder_is_due_by_the_given_clock(
    chat: Chat, bob: Person, worker: None, published: list[int]
) -> None:
    chat.say("bob", "20分钟后提醒我交周报")
    assert jobs.dispatch(chat.later(minutes=15)) == 0
    assert jobs.dispatch(chat.later(minutes=10)) == 1
    Job.objects.update(not_before=timezone.now())
    runner.run(published[0])
    notice = Delivery.objects.get(role="notice")
    assert "交周报" in notice.text
