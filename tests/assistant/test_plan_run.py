"""A plan goes on where it was interrupted; what it does, it does once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Person
from apps.assistant import actions, approvals, jobs, needs, plan_steps, runner, wake, watch
from apps.assistant.models import Approval, Conversation, Job
from apps.assistant.progress import Board
from apps.audit.models import AuditRow
from apps.core import work
from apps.im.models import Delivery
from apps.schedules.models import Schedule
from apps.skills import ai_label
from apps.skills import base as skills
from apps.skills.base import Context, Reply
from apps.skills.ports import Written
from apps.skills.registry import borrowed
from tests.assistant.conftest import Chat

pytestmark = pytest.mark.django_db
ran: list[str] = []
dying: list[str] = []


class Died(BaseException):
    """The process ends here: nobody catches this."""


@pytest.fixture(autouse=True)
def trial_skills(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Skills made for these tests; nothing is published."""
    monkeypatch.setattr(jobs, "_publish", lambda job: None)
    monkeypatch.setattr(wake, "wake", lambda lane: None)
    ran.clear()
    dying.clear()
    with borrowed():

        @skills.skill(name="look", zh="看看", writes=False, gives=["count"])
        def look(name: str) -> Reply:
            """Read something."""
            at(name)
            return Reply(f"saw {name}", fields={"count": 3})

        @skills.skill(name="pay", zh="付")
        def pay(ctx: Context, amount: int) -> str:
            """Pay; the bank knows the key of each payment."""
            at(f"pay {amount} {ctx.once_key}")
            return f"paid {amount}"

        @skills.skill(name="shout", zh="喊", retries=0)
        def shout(text: str) -> str:
            """Say something that cannot be taken back."""
            at(f"shout {text}")
            return "shouted"

        @skills.skill(name="arrange", zh="安排")
        def arrange(ctx: Context, text: str) -> str:
            """Make a reminder and a schedule, then do something that may die."""
            first = ctx.jobs.remind(f"{text} one", ctx.now + timedelta(hours=1)).number
            second = ctx.jobs.remind(f"{text} two", ctx.now + timedelta(hours=1)).number
            every = skills.Every("0 9 * * *", "daily")
            third = ctx.schedules.add("/ping", every, "daily").number
            at("arranged")
            return f"{first} {second} {third}"

        @skills.skill(name="keep", zh="保管", writes=False)
        def keep(text: str) -> Reply:
            """For its asker alone."""
            return Reply(text, private=True)

        @skills.skill(name="write", zh="写", writes=False)
        def write(ctx: Context) -> Reply:
            """What a model wrote."""
            return Reply(ai_label.card(Written("words", model="m"), ctx.language))

        yield


def at(name: str) -> None:
    """A skill is here; the process may end."""
    ran.append(name)
    if name in dying:
        dying.remove(name)
        raise Died


def dies_at(name: str) -> None:
    dying.append(name)


def plan(chat: Chat, person: Person, *steps: tuple[str, dict[str, Any]]) -> Job:
    """A confirmed plan that waits for its worker."""
    message = chat.say("alice", "/ping")
    Delivery.objects.filter(message=message).delete()
    found = skills.get("plan")
    assert found is not None
    listed = [
        {"id": f"s{n}", "skill": name, "parameters": given}
        for n, (name, given) in enumerate(steps, 1)
    ]
    job = jobs.new(
        person=person, conversation=message.conversation, message=message, skill=found,
        parameters={"steps": listed}, now=timezone.now(), trace_id="t" * 32, proposed=True,
    )  # fmt: skip
    kind = needs.kind_of(found, job.parameters, proposed=True)
    if kind:
        approvals.open_for(job, kind, message, timezone.now())
        Approval.objects.update(state="approved", decided_by=person, decided_at=timezone.now())
    return job


def crash(job: Job) -> None:
    """Its worker is killed in the middle, and the lease runs out."""
    with pytest.raises(Died):
        runner.run(job.pk)
    past = timezone.now() - timedelta(seconds=1)
    Job.objects.filter(pk=job.pk).update(lease_until=past)
    work.sweep(Job)


def cancel(job: Job, person: Person) -> None:
    rows = Job.objects.select_related("person", "message", "conversation__bot")
    actions.cancel_job(rows.get(pk=job.pk), person)


def states(job: Job) -> list[str]:
    return list(job.steps.values_list("state", flat=True))


def test_what_was_done_is_not_done_again(chat: Chat, alice: Person) -> None:
    job = plan(
        chat, alice, ("look", {"name": "a"}), ("pay", {"amount": 1}), ("pay", {"amount": 2}),
        ("look", {"name": "b"}),
    )  # fmt: skip
    dies_at(f"pay 2 {job.pk}-3")
    crash(job)
    assert states(job) == ["succeeded", "succeeded", "running", "waiting"]
    runner.run(job.pk)
    key = f"{job.pk}-"
    assert ran == ["a", f"pay 1 {key}2", f"pay 2 {key}3", f"pay 2 {key}3", "b"]
    assert states(job) == ["succeeded"] * 4
    assert [row.attempts for row in job.steps.all()] == [1, 1, 2, 1]
    job.refresh_from_db()
    assert job.state == "succeeded"


def test_what_must_not_be_tried_twice_is_told_as_unknown(chat: Chat, alice: Person) -> None:
    job = plan(
        chat, alice, ("look", {"name": "a"}), ("shout", {"text": "hey"}), ("pay", {"amount": 2}),
        ("look", {"name": "b"}),
    )  # fmt: skip
    dies_at("shout hey")
    crash(job)
    runner.run(job.pk)
    assert ran == ["a", "shout hey", "b"]
    assert states(job) == ["succeeded", "unknown", "skipped", "succeeded"]
    job.refresh_from_db()
    assert job.state == "failed"
    answer = Delivery.objects.get(message=job.message, role="answer")
    assert "不能确定" in answer.text


def test_reminders_and_schedules_of_a_repeated_step_are_made_once(
    chat: Chat, alice: Person
) -> None:
    job = plan(chat, alice, ("arrange", {"text": "tea"}))
    dies_at("arranged")
    crash(job)
    runner.run(job.pk)
    assert ran == ["arranged", "arranged"]
    assert Job.objects.filter(skill="remind").count() == 2
    assert Schedule.objects.count() == 1
    first, second = Job.objects.filter(skill="remind").order_by("pk")
    made = job.steps.get().result["text"]
    assert made.split() == [first.number, second.number, Schedule.objects.get().number]


def test_what_a_quick_step_did_stands_with_its_end(
    chat: Chat, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted between the two, neither is there: one commit holds both."""
    due = (timezone.now() + timedelta(hours=1)).isoformat()
    job = plan(chat, alice, ("remind", {"text": "tea", "at": due}))
    settle = plan_steps.settle

    def dies(*args: Any, **kwargs: Any) -> bool:
        monkeypatch.setattr(plan_steps, "settle", settle)
        raise Died

    monkeypatch.setattr(plan_steps, "settle", dies)
    crash(job)
    assert not Job.objects.filter(skill="remind").exists()
    runner.run(job.pk)
    assert Job.objects.filter(skill="remind").count() == 1


def test_a_field_fills_a_parameter_of_its_kind(chat: Chat, alice: Person) -> None:
    taken = {"amount": {"$from": "s1", "field": "count"}}
    job = plan(chat, alice, ("look", {"name": "a"}), ("pay", taken))
    runner.run(job.pk)
    assert ran == ["a", f"pay 3 {job.pk}-2"]


def test_a_value_that_does_not_fit_fails_its_step(chat: Chat, alice: Person) -> None:
    job = plan(chat, alice, ("look", {"name": "a"}), ("pay", {"amount": {"$from": "s1"}}))
    runner.run(job.pk)
    assert ran == ["a"]
    assert states(job) == ["succeeded", "failed"]
    answer = Delivery.objects.get(message=job.message, role="answer")
    assert "整数" in answer.text


def test_a_cancel_stops_between_steps_and_says_so(chat: Chat, alice: Person) -> None:
    job = plan(chat, alice, ("look", {"name": "a"}), ("pay", {"amount": 1}))
    dies_at("a")
    crash(job)
    cancel(job, alice)
    runner.run(job.pk)
    assert ran == ["a"]
    assert states(job) == ["unknown", "skipped"]


def test_a_cancel_inside_a_step_ends_the_run(
    chat: Chat, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = plan(chat, alice, ("look", {"name": "a"}), ("look", {"name": "b"}))
    begin = watch.Watch.__enter__

    def cancelled(self: watch.Watch) -> watch.Watch:
        cancel(job, alice)
        return begin(self)

    monkeypatch.setattr(watch.Watch, "__enter__", cancelled)
    runner.run(job.pk)
    assert states(job) == ["unknown", "skipped"]
    assert ran in ([], ["a"])
    assert Delivery.objects.filter(message=job.message, role="answer").count() == 1


def test_a_zombie_ends_no_step_of_another(chat: Chat, alice: Person) -> None:
    job = plan(chat, alice, ("look", {"name": "a"}))
    dies_at("a")
    crash(job)
    stale = job.steps.get()
    runner.run(job.pk)
    assert not plan_steps.settle(stale, "failed")
    assert states(job) == ["succeeded"]


@pytest.mark.parametrize(
    ("steps", "labels"),
    [(["write", "look"], 1), (["look", "write"], 1), (["write", "write"], 1), (["look"], 0)],
)
def test_the_answer_says_that_a_model_wrote_part_of_it(
    chat: Chat, alice: Person, steps: list[str], labels: int
) -> None:
    given = {"look": {"name": "a"}, "write": {}}
    job = plan(chat, alice, *((name, given[name]) for name in steps))
    runner.run(job.pk)
    answer = Delivery.objects.get(message=job.message, role="answer")
    assert answer.text.count(ai_label.LABEL.zh) == labels


def test_a_private_step_makes_the_answer_private(chat: Chat, alice: Person) -> None:
    job = plan(chat, alice, ("keep", {"text": "secret"}), ("look", {"name": "b"}))
    Conversation.objects.filter(pk=job.conversation_id).update(chat_type="group")
    runner.run(job.pk)
    answer = Delivery.objects.get(message=job.message, role="answer")
    assert answer.private_to or answer.bot.platform == "web"


def test_every_step_is_in_the_audit(chat: Chat, alice: Person) -> None:
    job = plan(chat, alice, ("look", {"name": "a"}), ("look", {"name": "b"}))
    runner.run(job.pk)
    rows = AuditRow.objects.filter(object_id=job.number).order_by("pk")
    assert list(rows.values_list("action", flat=True)) == [
        "job.started", "plan.started", "step.started", "step.succeeded", "step.started",
        "step.succeeded", "job.succeeded",
    ]  # fmt: skip


def test_the_card_shows_each_steps_state(
    chat: Chat, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(Board, "show", lambda self, lines: seen.append(list(lines)))
    job = plan(chat, alice, ("look", {"name": "a"}), ("look", {"name": "b"}))
    runner.run(job.pk)
    marks = ["".join(line[0] for line in lines) for lines in seen]
    assert marks == ["▸…", "✓…", "✓▸", "✓✓"]
    assert "/look" in seen[0][0]


def test_a_card_with_lines(chat: Chat, alice: Person) -> None:
    job = plan(chat, alice, ("look", {"name": "a"}))
    lease = timezone.now() + timedelta(minutes=1)
    Job.objects.filter(pk=job.pk).update(
        state="running", attempts=1, lease_until=lease, started_at=timezone.now()
    )
    job.refresh_from_db()
    runner._attach(job)
    now = [0.0]
    board = Board(job, lambda: now[0])
    board.show(["✓ 1. /look", "▸ 2. /pay"])
    now[0] = 2.0
    board.tick()
    assert "✓ 1. /look\n▸ 2. /pay" in Delivery.objects.get(job=job, role="progress").text
