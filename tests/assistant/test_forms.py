"""Missing parameters: asked for in words, filled by a form or by whoever simply types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Annotated, Any, Literal

import pytest

from apps.accounts import authz
from apps.accounts.models import Role
from apps.assistant import actions, jobs, questions, runner
from apps.assistant.models import Approval, Job, Message
from apps.im.cards import Card, Form, to_text
from apps.im.models import Click, Delivery
from apps.skills import base as skills
from apps.skills.base import Every, Param, both
from apps.skills.registry import borrowed
from tests.assistant.conftest import SYSTEM, Chat

Answer = Callable[[Message], str]
pytestmark = pytest.mark.django_db
ran: list[tuple[Any, ...]] = []


class Size(Enum):
    """Sizes."""

    S = "small"
    L = "large"


@pytest.fixture(autouse=True)
def trial_skills(roles: dict[str, Role], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Skills made for these tests; nothing is published."""
    ran.clear()
    monkeypatch.setattr(jobs, "_publish", lambda job: None)
    with borrowed():

        @skills.skill(name="order", zh="点单", quick=True)
        def order(
            what: Annotated[str, Param(label=both("什么", "what"), limit=20)],
            count: Annotated[int, Param(label=both("几份", "how many"))],
            size: Size,
            hot: bool,
            where: Literal["here", "away"] = "here",
        ) -> str:
            """Needs a lot."""
            ran.append((what, count, size, hot, where))
            return f"{count} {what}"

        @skills.skill(name="slow_order", zh="慢点单")
        def slow_order(what: str, weight: float) -> str:
            """The same as a job."""
            ran.append((what, weight))
            return f"{weight} {what}"

        @skills.skill(name="wipe", zh="擦", confirm=True)
        def wipe(what: str) -> str:
            """Asks twice."""
            ran.append((what,))
            return f"wiped {what}"

        @skills.skill(name="repeat", zh="重复", quick=True)
        def repeat(every: Every) -> str:
            """Needs a repetition."""
            return str(every.cron)

        for name in ("order", "slow_order", "wipe", "repeat"):
            authz.allow("member", f"skill.{name}", SYSTEM)
        yield


def asked(message: Message) -> Delivery:
    return Delivery.objects.get(message=message, role="answer")


def form_of(row: Delivery) -> Form:
    row.refresh_from_db()
    form = Card.from_json(row.card).form
    assert form is not None
    return form


def submit(chat: Chat, who: str, row: Delivery, **values: str) -> Message:
    return chat.press(who, row, form_of(row).submit.cmd, values=values)


ALL = {"what": "tea", "count": "2", "size": "large", "hot": "yes"}


def test_a_form_asks_for_all_that_is_missing(chat: Chat) -> None:
    question = asked(chat.say("bob", "/order"))
    form = form_of(question)
    shown = [(one.name, one.label, one.kind, one.required) for one in form.inputs]
    assert shown == [
        ("what", "什么", "text", True),
        ("count", "几份", "number", True),
        ("size", "size", "text", True),
        ("hot", "hot", "text", True),
    ]
    choices = {one.name: [c.value for c in one.choices] for one in form.inputs}
    assert choices == {"what": [], "count": [], "size": ["small", "large"], "hot": ["yes", "no"]}
    # Whoever sees no form reads what to type.
    assert to_text(Card.from_json(question.card)) == question.text
    assert "什么" in question.text
    assert Job.objects.get().number in form.submit.cmd


def test_what_is_known_is_not_asked_again(chat: Chat) -> None:
    question = asked(chat.say("bob", "/order cake count=3"))
    assert [one.name for one in form_of(question).inputs] == ["size", "hot"]


def test_a_sent_form_runs_the_skill(chat: Chat, answer: Answer) -> None:
    question = asked(chat.say("bob", "/order"))
    sent = submit(chat, "bob", question, **ALL)
    assert answer(sent) == "2 tea"
    assert ran == [("tea", 2, Size.L, True, "here")]
    assert Job.objects.get().state == "succeeded"


def test_a_form_is_sent_once_and_then_shows_what_was_given(chat: Chat, answer: Answer) -> None:
    question = asked(chat.say("bob", "/order"))
    cmd = form_of(question).submit.cmd
    submit(chat, "bob", question, **ALL)
    question.refresh_from_db()
    assert Card.from_json(question.card).form is None
    assert "tea" in question.text
    again = chat.press("bob", question, cmd, values=ALL)
    assert (again.state, again.reason) == ("refused", "click:used")
    assert len(ran) == 1
    assert Click.objects.count() == 1


def test_a_job_with_a_form_starts_when_it_is_filled(chat: Chat, answer: Answer) -> None:
    question = asked(chat.say("bob", "/slow_order", chat_id="g1", chat_type="group"))
    sent = submit(chat, "bob", question, what="coal", weight="1.5")
    job = Job.objects.get()
    assert (job.state, job.message_id) == ("waiting", sent.pk)
    runner.run(job.pk)
    assert ran == [("coal", 1.5)]
    assert answer(sent) == "1.5 coal"


def test_a_form_and_then_a_confirmation(chat: Chat, answer: Answer) -> None:
    question = asked(chat.say("bob", "/wipe"))
    sent = submit(chat, "bob", question, what="disk")
    card = Delivery.objects.get(role="progress")
    assert card.message_id == sent.pk
    chat.press("bob", card, f"/approve {Approval.objects.get().code}")
    runner.run(Job.objects.get().pk)
    assert ran == [("disk",)]
    assert answer(sent) == "wiped disk"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"count": "many"}, "几份：要是一个整数"),
        ({"size": "huge"}, "只能是：small, large"),
        ({"hot": "perhaps"}, "请答是或否"),
        ({"what": "x" * 21}, "最多 20 个字"),
    ],
)
def test_a_bad_value_asks_again_with_the_reason(
    chat: Chat, answer: Answer, values: dict[str, str], reason: str
) -> None:
    question = asked(chat.say("bob", "/order"))
    bad = submit(chat, "bob", question, **{**ALL, **values})
    assert reason in answer(bad)
    assert not ran
    assert not Click.objects.exists()  # the first form may be corrected and sent again
    form_of(question)
    assert answer(submit(chat, "bob", asked(bad), **ALL)) == "2 tea"
    for row in (question, asked(bad)):
        row.refresh_from_db()
        assert "form" not in row.card


@pytest.mark.parametrize("left", [{"what": ""}, {"what": "  "}, {"count": ""}])
def test_what_was_left_empty_is_asked_for(chat: Chat, answer: Answer, left: dict[str, str]) -> None:
    question = asked(chat.say("bob", "/order"))
    half = submit(chat, "bob", question, **{**ALL, **left})
    assert [one.name for one in form_of(asked(half)).inputs] == list(left)
    assert answer(submit(chat, "bob", asked(half), **ALL)) == "2 tea"


def test_inputs_that_were_not_asked_for_change_nothing(chat: Chat, answer: Answer) -> None:
    question = asked(chat.say("bob", "/order"))
    extra = {"where": "away", "person": "alice", "__class__": "x"}
    submit(chat, "bob", question, **ALL, **extra)
    assert ran == [("tea", 2, Size.L, True, "here")]


@pytest.mark.parametrize("values", [None, [], "tea", {"what": 1, "count": None}])
def test_values_that_are_none_ask_again(chat: Chat, values: Any) -> None:
    question = asked(chat.say("bob", "/order"))
    cmd = form_of(question).submit.cmd
    sent = chat.press("bob", question, cmd, values=values)
    assert sent.state == "done"
    assert len(form_of(asked(sent)).inputs) == 4
    assert not ran


def test_whoever_types_needs_no_form(chat: Chat, answer: Answer) -> None:
    question = asked(chat.say("bob", "/order"))
    second = asked(chat.say("bob", "tea"))
    question.refresh_from_db()
    assert "form" not in question.card
    assert [one.name for one in form_of(second).inputs] == ["count", "size", "hot"]
    bad = chat.say("bob", "many")
    assert "整数" in answer(bad)
    assert answer(submit(chat, "bob", asked(bad), count="2", size="small", hot="no")) == "2 tea"


def test_somebody_else_does_not_fill_my_form(chat: Chat, answer: Answer) -> None:
    question = asked(chat.say("bob", "/order", chat_id="g1", chat_type="group"))
    theirs = submit(chat, "carol", question, **ALL)
    assert (theirs.state, theirs.reason) == ("refused", "click:not_yours")
    assert not ran
    assert answer(submit(chat, "bob", question, **ALL)) == "2 tea"


def test_a_form_whose_time_is_over_says_so(chat: Chat) -> None:
    question = asked(chat.say("bob", "/order"))
    chat.later(minutes=11)
    late = submit(chat, "bob", question, **ALL)
    assert (late.state, late.reason) == ("refused", "click:form_over")
    assert not ran


def test_a_question_that_is_dropped_takes_its_form_along(chat: Chat) -> None:
    question = asked(chat.say("bob", "/order"))
    cmd = form_of(question).submit.cmd
    chat.say("bob", "算了")
    question.refresh_from_db()
    assert "form" not in question.card
    assert "已取消" in question.text
    assert chat.press("bob", question, cmd, values=ALL).reason == "click:gone"


def test_a_right_that_was_taken_away_meanwhile_stops_the_form(chat: Chat) -> None:
    question = asked(chat.say("bob", "/order"))
    authz.deny("member", "skill.order", SYSTEM)
    assert submit(chat, "bob", question, **ALL).reason == "skill.order"
    assert not ran
    assert not Click.objects.exists()


def test_a_skill_that_is_gone_is_not_run_by_a_form(chat: Chat) -> None:
    question = asked(chat.say("bob", "/order"))
    Job.objects.update(skill="no_such_skill")
    sent = submit(chat, "bob", question, **ALL)
    assert sent.state == "done"
    assert not ran
    assert Job.objects.get().state == "cancelled"


def test_a_repetition_is_typed_into_its_form(chat: Chat, answer: Answer) -> None:
    question = asked(chat.say("bob", "/repeat"))
    (one,) = form_of(question).inputs
    assert one.kind == "text"
    assert answer(submit(chat, "bob", question, every="每天早上九点")) == "0 9 * * *"


def test_cancelling_a_job_that_asks_closes_its_form(chat: Chat, answer: Answer) -> None:
    question = asked(chat.say("bob", "/order"))
    job = Job.objects.get()
    actions.cancel_job(job, job.person)
    question.refresh_from_db()
    assert "form" not in question.card
    assert "Bob" in question.text


def test_a_form_in_the_web_chat(chat: Chat, answer: Answer, bob: Any) -> None:
    from apps.assistant import inbox
    from apps.webchat.say import said

    first = inbox.ask(bob, "/order")
    chat.handle()
    question = asked(first)
    cmd = form_of(question).submit.cmd
    body = {"text": cmd, "client_id": "12345678", "delivery": question.pk, "values": ALL}
    sent = said(bob, body)
    chat.handle()
    assert answer(sent) == "2 tea"


def test_a_skill_that_is_called_like_a_form_s_button_takes_nothing_from_it(
    chat: Chat, answer: Answer
) -> None:
    @skills.skill(name="fill", zh="填", quick=True)
    def fill(number: str) -> str:
        """Somebody else's."""
        return "not meant"

    question = asked(chat.say("bob", "/order"))
    assert answer(submit(chat, "bob", question, **ALL)) == "2 tea"


def test_what_was_filled_in_is_shown_as_people_write_it() -> None:
    every = {"cron": "0 9 * * 1", "words": "每周一上午9点"}
    remind, schedule = skills.get("remind"), skills.get("schedule")
    assert remind is not None
    assert schedule is not None
    moment = {"at": "2026-11-27T02:53:54+08:00", "text": "交周报"}
    shown = questions.filled(Card(), remind, moment, "zh-hans").to_json()
    assert "2026-11-27 02:53" in str(shown)
    assert "T02:53" not in str(shown)
    assert "cron" not in str(questions.filled(Card(), schedule, {"every": every}, "en").to_json())
