"""What nobody understood goes to a model, whose proposal is checked, confirmed and run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.utils import timezone

from apps.accounts import authz
from apps.accounts.models import Person
from apps.assistant import jobs, runner, wake
from apps.assistant.models import Job, Message, Step
from apps.audit.models import AuditRow
from apps.im.models import Delivery
from apps.llm import actions
from apps.simulate.model import KEY, MODEL, ModelStand, calls
from apps.skills import base as skills
from apps.skills.base import Context
from apps.skills.registry import borrowed
from tests.assistant.conftest import SYSTEM, Chat

Answer = Callable[[Message], str]
pytestmark = pytest.mark.django_db
ran: list[str] = []


@pytest.fixture(autouse=True)
def trial_skills(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Skills made for these tests; nothing is published."""
    monkeypatch.setattr(jobs, "_publish", lambda job: None)
    monkeypatch.setattr(wake, "wake", lambda lane: None)
    ran.clear()
    with borrowed():

        @skills.skill(name="minutes", zh="纪要", writes=False)
        def minutes(day: str) -> str:
            """The minutes of a day's meeting."""
            ran.append(f"minutes {day}")
            return f"minutes of {day}: we meet again"

        @skills.skill(name="digest", zh="要点", writes=False)
        def digest(text: str, points: int = 3) -> str:
            """Summarise a text in points."""
            ran.append(f"digest {text} {points}")
            return f"{points} points of ({text})"

        @skills.skill(name="post", zh="发布")
        def post(ctx: Context, text: str) -> str:
            """Post a text on the wall."""
            ran.append(f"post {text} {ctx.once_key}")
            return f"posted {text}"

        @skills.skill(name="transfer", zh="转账", approve=True)
        def transfer(amount: int) -> str:
            """Transfer money."""
            ran.append(f"transfer {amount}")
            return "transferred"

        @skills.skill(name="broken", zh="坏的", writes=False)
        def broken() -> str:
            """Fail."""
            raise ZeroDivisionError("inside")

        yield


@pytest.fixture
def stand() -> Iterator[ModelStand]:
    with ModelStand() as running:
        yield running


@pytest.fixture
def model(chat: Chat, stand: ModelStand) -> None:
    """A model that members may ask."""
    actions.add("stand", base_url=stand.base_url, model=MODEL, api_key=KEY, actor=SYSTEM)
    for permission in ("model.use.stand", "skill.minutes", "skill.digest", "skill.post",
                       "skill.broken", "skill.transfer"):  # fmt: skip
        authz.allow("member", permission, SYSTEM)


def work() -> None:
    """Run what waits, until nothing does."""
    while job := Job.objects.filter(state="waiting", not_before__lte=timezone.now()).first():
        runner.run(job.pk)


def say(chat: Chat, text: str, who: str = "bob") -> Message:
    message = chat.say(who, text)
    work()
    return message


def test_words_are_answered_with_a_label(
    chat: Chat, model: None, stand: ModelStand, answer: Answer
) -> None:
    stand.answer = "It is blue."
    message = say(chat, "why is the sky so blue today, do you know")
    assert "It is blue." in answer(message)
    assert "AI" in answer(message)
    assert [job.skill for job in Job.objects.all()] == ["assist"]


def test_one_reading_step_becomes_its_job(
    chat: Chat, model: None, stand: ModelStand, answer: Answer
) -> None:
    stand.answers = [calls(("minutes", {"day": "yesterday"}))]
    message = say(chat, "what was it that we all talked about")
    assert ran == ["minutes yesterday"]
    assert "we meet again" in answer(message)
    assert "/minutes" in answer(message), "it says what it was taken for"
    assert [(job.skill, job.state) for job in Job.objects.order_by("pk")] == [
        ("assist", "succeeded"),
        ("minutes", "succeeded"),
    ]
    assert len(stand.asked) == 1


def test_a_quick_one_runs_in_place(
    chat: Chat, model: None, stand: ModelStand, answer: Answer
) -> None:
    stand.answers = [calls(("echo", {"text": "hello there"}))]
    message = say(chat, "why not greet me in a kind way")
    assert "hello there" in answer(message)
    assert "/echo" in answer(message)
    assert [job.skill for job in Job.objects.all()] == ["assist"]


def test_a_write_waits_for_its_asker(
    chat: Chat, model: None, stand: ModelStand, answer: Answer
) -> None:
    stand.answers = [calls(("post", {"text": "we won"}))]
    message = say(chat, "let everybody know about our victory")
    job = Job.objects.get(skill="post")
    assert (job.state, job.asking_for, ran) == ("asking", "confirm", [])
    card = Delivery.objects.get(job=job, role="progress")
    assert "we won" in card.text
    assert "AI" in card.text
    chat.press("bob", card, f"/approve {job.approval.code}")
    work()
    assert ran == [f"post we won {job.number}"]
    assert "posted we won" in answer(message)


def test_a_quick_write_waits_too(chat: Chat, model: None, stand: ModelStand) -> None:
    stand.answers = [calls(("remind", {"text": "go home", "at": "in 2 hours"}))]
    say(chat, "i always forget about leaving the office")
    job = Job.objects.get(skill="remind")
    assert (job.state, job.asking_for) == ("asking", "confirm")
    assert job.parameters["at"].startswith("20")


def test_what_is_missing_is_asked_and_the_write_still_confirmed(
    chat: Chat, model: None, stand: ModelStand, answer: Answer
) -> None:
    stand.answers = [calls(("post", {}))]
    message = say(chat, "let everybody know something")
    job = Job.objects.get(skill="post")
    assert (job.state, job.asking_for) == ("asking", "text")
    assert "text" in answer(message)
    say(chat, "we are closed")
    job.refresh_from_db()
    assert (job.state, job.asking_for, ran) == ("asking", "confirm", [])
    assert job.parameters == {"text": "we are closed"}


def test_a_dangerous_one_is_confirmed_and_then_waits_for_somebody_else(
    chat: Chat, model: None, stand: ModelStand, answer: Answer
) -> None:
    stand.answers = [calls(("transfer", {"amount": 5}))]
    say(chat, "give five of our money to the others")
    job = Job.objects.get(skill="transfer")
    assert (job.state, job.asking_for, ran) == ("asking", "confirm", [])
    card = Delivery.objects.get(job=job, role="progress")
    assert "等另一位批准" in answer(chat.press("bob", card, f"/approve {job.approval.code}"))
    work()
    job = Job.objects.get(skill="transfer")
    assert (job.state, job.asking_for, ran) == ("asking", "approve", [])
    card.refresh_from_db()
    assert job.approval.code in card.text
    assert "批准自己" in answer(chat.say("bob", f"/approve {job.approval.code}"))
    assert Delivery.objects.filter(job=job, role="notice").exists(), "who may approve is told"
    chat.say("alice", f"/approve {job.approval.code}")
    work()
    assert ran == ["transfer 5"]
    seen = AuditRow.objects.filter(object_id=job.number, action__startswith="approval.")
    assert list(seen.order_by("pk").values_list("action", "actor_label")) == [
        ("approval.asked", "Bob"),
        ("approval.approved", "Bob"),
        ("approval.asked", "Bob"),
        ("approval.approved", "Alice"),
    ]


def test_a_proposed_write_never_runs_unconfirmed(
    chat: Chat, model: None, stand: ModelStand
) -> None:
    """Not even when its row says that it may."""
    stand.answers = [calls(("post", {"text": "we won"}))]
    say(chat, "let everybody know about our victory")
    job = Job.objects.get(skill="post")
    Job.objects.filter(pk=job.pk).update(state="waiting", asking_for="")
    work()
    job.refresh_from_db()
    assert (job.state, ran) == ("denied", [])


PLAN = {
    "steps": [
        {"skill": "minutes", "parameters": {"day": "yesterday"}},
        {"skill": "digest", "parameters": {"text": {"$from": "s1", "field": "text"}}},
    ]
}


def test_a_reading_plan_runs_at_once(
    chat: Chat, model: None, stand: ModelStand, answer: Answer
) -> None:
    stand.answers = [calls(("plan", PLAN))]
    message = say(chat, "把昨天的会议纪要总结成三点")
    assert ran == ["minutes yesterday", "digest minutes of yesterday: we meet again 3"]
    assert "3 points of (minutes of yesterday: we meet again)" in answer(message)
    assert "✓ 1. /minutes" in answer(message)
    assert [(row.state, row.attempts) for row in Step.objects.all()] == [("succeeded", 1)] * 2


def test_a_plan_that_writes_is_confirmed_as_a_whole(
    chat: Chat, model: None, stand: ModelStand, answer: Answer
) -> None:
    steps = [*PLAN["steps"], {"skill": "post", "parameters": {"text": {"$from": "s2"}}}]
    stand.answers = [calls(("plan", {"steps": steps}))]
    message = say(chat, "sum up what was said and let everybody read it")
    job = Job.objects.get(skill="plan")
    assert (job.state, job.asking_for, ran) == ("asking", "confirm", [])
    card = Delivery.objects.get(job=job, role="progress")
    for shown in ("/minutes", "yesterday", "/digest", "/post", "第 2 步的结果"):
        assert shown in card.text, card.text
    chat.press("bob", card, f"/approve {job.approval.code}")
    work()
    assert [one.split()[0] for one in ran] == ["minutes", "digest", "post"]
    assert ran[2].endswith(f" {job.pk}-3")
    assert "posted 3 points" in answer(message)


def test_a_changed_plan_is_no_longer_confirmed(chat: Chat, model: None, stand: ModelStand) -> None:
    stand.answers = [calls(("post", {"text": "one"}), ("post", {"text": "two"}))]
    say(chat, "let everybody know two things")
    job = Job.objects.get(skill="plan")
    card = Delivery.objects.get(job=job, role="progress")
    chat.press("bob", card, f"/approve {job.approval.code}")
    job.refresh_from_db()
    job.parameters["steps"][1]["parameters"]["text"] = "something else"
    job.save()
    work()
    job.refresh_from_db()
    assert (job.state, ran) == ("denied", [])


def test_a_plan_with_a_dangerous_step_needs_whoever_may_approve_it(
    chat: Chat, model: None, stand: ModelStand, carol: Person, alice: Person
) -> None:
    stand.answers = [calls(("minutes", {"day": "today"}), ("transfer", {"amount": 5}))]
    say(chat, "look what we said and pay the others")
    job = Job.objects.get(skill="plan")
    assert (job.state, job.asking_for) == ("asking", "confirm")
    chat.say("bob", f"/approve {job.approval.code}")
    job = Job.objects.get(skill="plan")
    assert (job.state, job.asking_for) == ("asking", "approve")
    authz.allow("operator", "approve.plan", SYSTEM)
    authz.add_role(carol, "operator", SYSTEM)
    code = job.approval.code
    assert chat.say("carol", f"/approve {code}").state == "done"
    job.refresh_from_db()
    assert job.state == "asking", "approve.transfer is what counts, and Carol has it not"
    chat.say("alice", f"/approve {code}")
    work()
    assert ran == ["minutes today", "transfer 5"]


def test_a_failure_skips_what_depends_on_it_and_what_writes(
    chat: Chat, model: None, stand: ModelStand, answer: Answer
) -> None:
    steps = [
        {"skill": "broken", "parameters": {}},
        {"skill": "digest", "parameters": {"text": {"$from": "s1"}}},
        {"skill": "minutes", "parameters": {"day": "today"}},
        {"skill": "post", "parameters": {"text": "all is well"}},
    ]
    stand.answers = [calls(("plan", {"steps": steps}))]
    message = say(chat, "do all of these curious things")
    job = Job.objects.get(skill="plan")
    card = Delivery.objects.get(job=job, role="progress")
    chat.press("bob", card, f"/approve {job.approval.code}")
    work()
    assert ran == ["minutes today"]
    states = list(Step.objects.values_list("state", flat=True))
    assert states == ["failed", "skipped", "succeeded", "skipped"]
    job.refresh_from_db()
    assert job.state == "failed"
    text = answer(message)
    assert "✗ 1. /broken" in text
    assert "– 4. /post" in text
    assert "ZeroDivisionError" not in text


def test_a_right_that_is_taken_away_stops_the_step(
    chat: Chat, model: None, stand: ModelStand, answer: Answer
) -> None:
    stand.answers = [calls(("plan", PLAN))]
    message = chat.say("bob", "把昨天的会议纪要总结成三点")
    runner.run(Job.objects.get(skill="assist").pk)
    authz.deny("member", "skill.digest", SYSTEM)
    work()
    assert ran == ["minutes yesterday"]
    assert list(Step.objects.values_list("state", flat=True)) == ["succeeded", "failed"]
    assert "skill.digest" in answer(message)


@pytest.mark.parametrize("name", ["fly", "approve", "assist", "plan", "host"])
def test_what_is_not_on_offer_never_runs(
    chat: Chat, model: None, stand: ModelStand, answer: Answer, name: str
) -> None:
    """Made up, not plannable, hidden, or not permitted: the nearest is offered, and why."""
    stand.answers = [calls((name, {"code": "AAAAAA", "text": "x"}), ("echo", {"text": "x"}))]
    message = say(chat, "do something wild with it")
    assert ran == []
    assert [job.skill for job in Job.objects.all()] == ["assist"]
    assert f"{name}" in answer(message)
    assert len(stand.asked) == 1


def test_a_made_up_name_offers_the_nearest(
    chat: Chat, model: None, stand: ModelStand, answer: Answer
) -> None:
    stand.answers = [calls(("digests", {"text": "x"}))]
    message = say(chat, "make it a lot shorter for us")
    card = Delivery.objects.get(message=message, role="answer").card
    assert card["buttons"][0]["cmd"] == "/digest"


def test_a_wrong_form_is_repaired_once(chat: Chat, model: None, stand: ModelStand) -> None:
    wrong = calls(("digest", {"text": "abc", "points": "many"}))
    stand.answers = [wrong, calls(("digest", {"text": "abc", "points": "2"}))]
    say(chat, "make it a lot shorter for us")
    assert ran == ["digest abc 2"]
    assert len(stand.asked) == 2
    assert "whole number" in str(stand.asked[1]["messages"][-1])


def test_never_more_than_two_calls(
    chat: Chat, model: None, stand: ModelStand, answer: Answer
) -> None:
    stand.answer = calls(("digest", {"text": "abc", "colour": "red"}))
    message = say(chat, "make it a lot shorter for us")
    assert len(stand.asked) == 2
    assert ran == []
    assert "colour" in answer(message)
    assert "/help" in answer(message) or "/digest" in answer(message)


def test_a_model_that_fails_leaves_what_was_offered(
    chat: Chat, model: None, stand: ModelStand, answer: Answer
) -> None:
    stand.key = "another"
    message = say(chat, "看看statu")
    text = answer(message)
    assert "/status" in text, "the third stage's offer"
    assert "密钥" in text, "and the reason"


@pytest.mark.parametrize(
    "text", ["/ping", "ping", "/pingg", "/nonsense", "明天下午三点提醒我开会", "你会什么"]
)
def test_what_is_settled_asks_no_model(
    chat: Chat, model: None, stand: ModelStand, text: str
) -> None:
    say(chat, text)
    assert not stand.asked
    assert not Job.objects.filter(skill="assist").exists()


def test_without_the_right_to_a_model_nothing_changes(
    chat: Chat, model: None, stand: ModelStand, answer: Answer
) -> None:
    authz.deny("member", "model.use.*", SYSTEM)
    message = say(chat, "why is the sky so blue today")
    assert "没看懂" in answer(message)
    assert not Job.objects.exists()


def test_forwarded_words_are_not_the_askers_own(chat: Chat, model: None, stand: ModelStand) -> None:
    message = chat.say("bob", "let them all know", payload={"extra": {"forwarded": True}})
    assert message.state == "done"
    assert not Job.objects.exists()
    assert not stand.asked


def test_what_was_heard_with_doubt_is_not_interpreted(
    chat: Chat, model: None, stand: ModelStand
) -> None:
    heard = {"text": "let them all know", "sure": False}
    chat.say("bob", "let them all know", kind="voice", payload={"heard": heard})
    assert not stand.asked
    assert not Job.objects.exists()


def test_the_model_sees_what_the_asker_may_and_no_more(
    chat: Chat, model: None, stand: ModelStand
) -> None:
    authz.deny("member", "skill.post", SYSTEM)
    say(chat, "why is the sky so blue today")
    (body,) = stand.asked
    names = {one["function"]["name"] for one in body["tools"]}
    assert {"minutes", "digest", "remind", "plan"} <= names
    assert not names & {"post", "approve", "deny", "assist", "host"}
    assert body["messages"][-1] == {"role": "user", "content": "why is the sky so blue today"}


def test_a_retry_of_a_plan_asks_again(chat: Chat, model: None, stand: ModelStand) -> None:
    stand.answers = [calls(("post", {"text": "one"}), ("post", {"text": "two"}))]
    say(chat, "let everybody know two things")
    job = Job.objects.get(skill="plan")
    chat.say("bob", f"/deny {job.approval.code}")
    chat.say("bob", f"/retry {job.number}")
    again = Job.objects.filter(skill="plan").latest("pk")
    assert again.pk != job.pk
    assert (again.state, again.asking_for) == ("asking", "confirm")


def test_a_plan_is_never_typed(chat: Chat, model: None, alice: Person) -> None:
    step = '[{"id":"s1","skill":"post","parameters":{"text":"x"}}]'
    chat.say("alice", f"/plan steps={step}")
    assert not Job.objects.filter(skill="plan").exists()
    assert ran == []
