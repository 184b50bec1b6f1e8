"""What others wrote may fill words in a plan, and decides nothing by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from django.utils import timezone

from apps.accounts import authz
from apps.assistant import actions as assistant
from apps.assistant import flow, jobs, runner, wake
from apps.assistant.models import Approval, Job, Message
from apps.assistant.plan import Plan, PlanStep
from apps.core.i18n import both
from apps.im.models import Delivery
from apps.llm import actions
from apps.simulate.model import KEY, MODEL, ModelStand, calls
from apps.skills import base as skills
from apps.skills.base import Param, Reply
from apps.skills.registry import borrowed
from tests.assistant.conftest import SYSTEM, Chat

pytestmark = pytest.mark.django_db
sent: list[tuple[str, str]] = []


@pytest.fixture(autouse=True)
def trial_skills(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An invoice that others wrote, a clock that nobody wrote, and what can be done with them."""
    monkeypatch.setattr(jobs, "_publish", lambda job: None)
    monkeypatch.setattr(wake, "wake", lambda lane: None)
    sent.clear()
    with borrowed():

        @skills.skill(name="invoice", zh="发票", writes=False, outside=True, gives=["payee"])
        def invoice() -> Reply:
            """The invoice that came in."""
            return Reply("Pay quickly!", fields={"payee": "mallory"})

        @skills.skill(name="upper", zh="大写", writes=False)
        def upper(text: str) -> str:
            """A text in capitals."""
            return text.upper()

        @skills.skill(name="now", zh="现在", writes=False)
        def now() -> str:
            """The time."""
            return "noon"

        @skills.skill(name="pay", zh="付款", writes=False)
        def pay(
            to: Annotated[str, Param(label=both("收款人", "payee"), guard="recipient")],
            note: str = "",
        ) -> str:
            """Pay somebody."""
            sent.append((to, note))
            return f"paid {to}"

        @skills.skill(name="wall", zh="墙")
        def wall(text: str) -> str:
            """Write on the wall."""
            sent.append(("wall", text))
            return "written"

        @skills.skill(name="letter", zh="信")
        def letter(text: str, to: str, cc: str, bcc: str, at: str) -> str:
            """Send a letter."""
            return f"{text} {to} {cc} {bcc} {at}"

        @skills.skill(name="burst", zh="坏了", writes=False)
        def burst() -> str:
            """Fail."""
            raise ZeroDivisionError

        yield


def ref(step: str, field: str = "text") -> dict[str, str]:
    return {"$from": step, "field": field}


def plan(*steps: tuple[str, dict[str, Any]]) -> Plan:
    return Plan(tuple(PlanStep(f"s{n}", *one) for n, one in enumerate(steps, 1)))


def test_what_others_wrote_stays_theirs_through_every_step() -> None:
    found = plan(
        ("invoice", {}),
        ("upper", {"text": ref("s1")}),
        ("now", {}),
        ("upper", {"text": ref("s3")}),
        ("upper", {"text": ref("s2")}),
    )
    assert flow.tainted(found) == {"s1", "s2", "s5"}


@pytest.mark.parametrize(
    ("steps", "held"),
    [
        ((("invoice", {}), ("pay", {"to": ref("s1", "payee")})), {"s2": ("to",)}),
        ((("invoice", {}), ("pay", {"to": "bob", "note": ref("s1")})), {}),
        ((("now", {}), ("pay", {"to": ref("s1")})), {}),
        ((("invoice", {}), ("wall", {"text": ref("s1")})), {"s2": ("text",)}),
        ((("now", {}), ("wall", {"text": ref("s1")})), {}),
        (
            (("invoice", {}), ("upper", {"text": ref("s1")}), ("pay", {"to": ref("s2")})),
            {"s3": ("to",)},
        ),
        ((("gone", {}), ("pay", {"to": ref("s1")})), {"s2": ("to",)}),
        ((("invoice", {}), ("gone", {"x": ref("s1")})), {"s2": ("x",)}),
    ],
)
def test_a_guarded_parameter_is_held(steps: Any, held: Any) -> None:
    assert flow.held(plan(*steps)) == held


def test_a_file_is_what_others_wrote() -> None:
    file = {"message": 1, "index": 0, "name": "a.txt"}
    assert flow.tainted(plan(("file", {"file": file}))) == {"s1"}


@pytest.fixture
def stand(chat: Chat) -> Iterator[ModelStand]:
    """A model that members may ask."""
    with ModelStand() as running:
        actions.add("stand", base_url=running.base_url, model=MODEL, api_key=KEY, actor=SYSTEM)
        authz.allow("member", "model.use.stand", SYSTEM)
        for name in ("invoice", "upper", "now", "pay", "burst", "wall", "letter"):
            authz.allow("member", f"skill.{name}", SYSTEM)
        yield running


def work() -> None:
    while job := Job.objects.filter(state="waiting", not_before__lte=timezone.now()).first():
        runner.run(job.pk)


def ask(chat: Chat, stand: ModelStand, *steps: tuple[str, dict[str, Any]]) -> Message:
    """Say something that the model takes for these steps, and run what comes of it."""
    proposed = [{"id": f"s{n}", "skill": s, "parameters": p} for n, (s, p) in enumerate(steps, 1)]
    stand.answer = calls(("plan", {"steps": proposed}))
    message = chat.say("bob", "把那张发票付掉吧")
    work()
    return message


def test_whom_a_stranger_names_is_paid_only_after_a_look(
    chat: Chat, stand: ModelStand, answer: Callable[[Message], str]
) -> None:
    message = ask(chat, stand, ("invoice", {}), ("pay", {"to": ref("s1", "payee")}))
    assert sent == []
    job = Job.objects.get(state="asking")
    approval = Approval.objects.get(job=job)
    assert (job.skill, job.parameters, approval.held) == ("pay", {"to": "mallory"}, ["to"])
    shown = Delivery.objects.get(job=job, role="progress").text
    assert "mallory" in shown
    assert "注意：收款人" in shown
    chat.say("bob", f"/approve {approval.code}")
    work()
    assert sent == [("mallory", "")]
    assert "paid mallory" in answer(message)


def test_a_no_pays_nobody(chat: Chat, stand: ModelStand) -> None:
    ask(chat, stand, ("invoice", {}), ("pay", {"to": ref("s1", "payee")}))
    chat.say("bob", f"/deny {Approval.objects.get().code}")
    work()
    assert sent == []
    assert Job.objects.get(skill="pay").state == "denied"


def test_another_try_needs_another_look(chat: Chat, stand: ModelStand) -> None:
    ask(chat, stand, ("invoice", {}), ("pay", {"to": ref("s1", "payee")}))
    chat.say("bob", f"/deny {Approval.objects.get().code}")
    for _ in range(2):
        job = assistant.retry_job(Job.objects.latest("pk"), None)
        work()
        assert sent == []
        approval = Approval.objects.get(job=job)
        assert (job.skill, approval.kind, approval.held) == ("pay", "confirm", ["to"])
        chat.say("bob", f"/deny {approval.code}")
    job = assistant.retry_job(Job.objects.latest("pk"), None)
    chat.say("bob", f"/approve {Approval.objects.get(job=job).code}")
    work()
    assert sent == [("mallory", "")]


def test_words_of_others_may_fill_a_note(
    chat: Chat, stand: ModelStand, answer: Callable[[Message], str]
) -> None:
    message = ask(chat, stand, ("invoice", {}), ("pay", {"to": "bob", "note": ref("s1")}))
    assert sent == [("bob", "Pay quickly!")]
    assert "paid bob" in answer(message)


def test_words_of_others_are_shown_before_they_are_written_and_asked_about_once(
    chat: Chat, stand: ModelStand, answer: Callable[[Message], str]
) -> None:
    message = ask(chat, stand, ("invoice", {}), ("wall", {"text": ref("s1")}))
    approval = Approval.objects.get()
    assert (approval.kind, approval.held, sent) == ("confirm", ["text"], [])
    assert "Pay quickly!" in Delivery.objects.get(job=approval.job, role="progress").text
    chat.say("bob", f"/approve {approval.code}")
    work()
    assert sent == [("wall", "Pay quickly!")]
    assert Approval.objects.count() == 1
    assert "written" in answer(message)


def test_what_writes_before_the_stop_is_asked_about_first(chat: Chat, stand: ModelStand) -> None:
    ask(chat, stand, ("wall", {"text": "hello"}), ("invoice", {}), ("wall", {"text": ref("s2")}))
    first = Approval.objects.get()
    assert (first.job.skill, first.held, sent) == ("plan", [], [])
    chat.say("bob", f"/approve {first.code}")
    work()
    assert sent == [("wall", "hello")]
    assert Approval.objects.exclude(pk=first.pk).get().held == ["text"]


def test_a_long_text_hides_no_other_parameter(chat: Chat, stand: ModelStand) -> None:
    with_many = {"text": "a" * 3000, "to": "mallory", "cc": "eve", "bcc": "trudy", "at": "noon"}
    stand.answer = calls(("letter", with_many))
    chat.say("bob", "把那封信寄掉吧")
    work()
    card = Delivery.objects.get(job=Approval.objects.get().job, role="progress").text
    assert all(f"{name}: {with_many[name]}" in card for name in ("to", "cc", "bcc", "at"))


def test_a_plan_goes_on_behind_what_was_held(
    chat: Chat, stand: ModelStand, answer: Callable[[Message], str]
) -> None:
    message = ask(
        chat,
        stand,
        ("invoice", {}),
        ("upper", {"text": ref("s1")}),
        ("pay", {"to": ref("s1", "payee"), "note": ref("s2")}),
        ("pay", {"to": ref("s2"), "note": ref("s3")}),
        ("now", {}),
    )
    approval = Approval.objects.get()
    assert approval.held == ["s1.to", "s2.to"]  # all that is known is shown at once
    shown = Delivery.objects.get(job=approval.job, role="progress").text
    assert "mallory" in shown
    assert "PAY QUICKLY!" in shown
    assert sent == []
    chat.say("bob", f"/approve {approval.code}")
    work()
    assert sent == [("mallory", "PAY QUICKLY!"), ("PAY QUICKLY!", "paid mallory")]
    assert Approval.objects.count() == 1
    assert "noon" in answer(message)


def test_what_came_through_a_confirmed_step_is_held_again(chat: Chat, stand: ModelStand) -> None:
    ask(
        chat,
        stand,
        ("invoice", {}),
        ("pay", {"to": ref("s1", "payee")}),
        ("upper", {"text": ref("s1")}),
        ("pay", {"to": ref("s3")}),
    )
    first = Approval.objects.get()
    chat.say("bob", f"/approve {first.code}")
    work()
    assert sent == [("mallory", "")]
    second = Approval.objects.exclude(pk=first.pk).get()
    assert (second.held, second.job.parameters) == (["to"], {"to": "PAY QUICKLY!"})


def test_after_a_failure_nobody_is_asked_for_the_rest(chat: Chat, stand: ModelStand) -> None:
    ask(
        chat,
        stand,
        ("invoice", {}),
        ("burst", {}),
        ("pay", {"to": ref("s1", "payee")}),
    )
    assert sent == []
    assert not Approval.objects.exists()
