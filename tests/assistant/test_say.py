"""What was asked with `say`, which does not stay: a question is shown, a later answer is moved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone

from apps.accounts.models import Person
from apps.assistant import actions, approvals, drain, inbox, runner
from apps.assistant.models import Approval, Job, Message
from apps.console import talk
from apps.im.models import Bot, Delivery
from apps.skills import base as skills
from apps.skills.registry import borrowed
from tests.assistant.conftest import Chat

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

        yield


def test_what_say_asked_about_is_answered_in_the_web_chat(bound: Bot, alice: Person) -> None:
    chat = Chat(bound)
    ask = inbox.ask

    def handled(*words: object, **more: object) -> Message:
        message = ask(*words, **more)  # type: ignore[arg-type]
        chat.handle()
        Delivery.objects.filter(message=message).update(state="sent")
        return message

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inbox, "ask", handled)
        asked = talk.ask(alice, "/careful x", 5)
    code = Approval.objects.get().code
    assert (asked.state, ran) == ("asking", [])
    assert f"/approve {code}" in asked.text
    approvals.decide(code, alice, True, timezone.now())
    job = Job.objects.get()
    runner.run(job.pk)
    answer = Delivery.objects.get(role="answer")
    assert (answer.bot.slug, answer.chat_id) == ("web", f"person:{alice.pk}")
    assert (answer.text, answer.message_id) == ("did x", asked.message_id)


def test_what_say_started_is_answered_in_the_web_chat_when_it_runs_again(
    bound: Bot, alice: Person
) -> None:
    message = inbox.ask(alice, "/trial x", bot_slug="cli", chat_id="cli:1", origin="cli")
    Chat(bound).handle()
    job = Job.objects.get(message=message)
    runner.run(job.pk)
    again = actions.retry_job(Job.objects.get(pk=job.pk), None)
    assert again.conversation.bot.slug == "web"


def test_what_is_being_handled_does_not_wait(bound: Bot, alice: Person) -> None:
    for _ in range(2):
        inbox.ask(alice, "/status", bot_slug="web", chat_id="person:1", origin="web")
    assert actions.waiting() == {"interactive": 2}
    assert drain.claim("interactive", 1)
    assert actions.waiting() == {"interactive": 1}


def test_states_are_named_in_the_readers_language(bound: Bot, alice: Person) -> None:
    inbox.ask(alice, "/careful x", bot_slug="web", chat_id="person:1", origin="web")
    Chat(bound).handle()
    code = Approval.objects.get().code
    job = approvals.decide(code, alice, True, timezone.now())
    with pytest.raises(approvals.AlreadyDecided) as decided:
        approvals.decide(code, alice, True, timezone.now())
    assert "已批准" in decided.value.text("zh-hans")
    assert "approved" in decided.value.text("en")
    with pytest.raises(actions.JobOpen) as still:
        actions.retry_job(Job.objects.get(pk=job.pk), alice)
    assert "等待中" in still.value.text("zh-hans")
