"""What is for one person alone stays so, wherever it was asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.accounts.models import Person
from apps.assistant import jobs, runner
from apps.assistant.models import Job
from apps.im import registry
from apps.im.base import Abilities
from apps.im.models import Delivery
from apps.im.platforms.webhook import Webhook
from apps.skills import base as skills
from apps.skills.base import Reply
from apps.skills.registry import borrowed
from tests.assistant.conftest import Chat

pytestmark = pytest.mark.django_db
GROUP = {"chat_id": "g1", "chat_type": "group"}


@pytest.fixture(autouse=True)
def trial_skills(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Skills that answer privately; nothing is published."""
    monkeypatch.setattr(jobs, "_publish", lambda job: None)
    with borrowed():

        @skills.skill(name="secret", zh="秘密", quick=True)
        def secret() -> Reply:
            """At once."""
            return Reply("for you", private=True)

        @skills.skill(name="slow_secret", zh="慢秘密")
        def slow_secret() -> Reply:
            """As a job."""
            return Reply("for you", private=True)

        yield


class Public(Webhook):
    """A platform whose bot can tell nobody anything alone."""

    abilities = Abilities(edits=True, buttons=True, private=False)


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.all_platforms(), "webhook", Public())  # type: ignore[arg-type]


def ask(chat: Chat, skill: str, **where: str) -> list[Delivery]:
    message = chat.say("alice", f"/{skill}", **where)
    for job in Job.objects.filter(state="waiting"):
        runner.run(job.pk)
    return list(Delivery.objects.filter(message=message).order_by("pk"))


@pytest.mark.parametrize("skill", ["secret", "slow_secret"])
def test_in_a_group_it_goes_to_the_asker_alone(chat: Chat, skill: str) -> None:
    (answer,) = ask(chat, skill, **GROUP)
    assert (answer.role, answer.text, answer.private_to) == ("answer", "for you", "u-alice")


@pytest.mark.parametrize("skill", ["secret", "slow_secret"])
def test_where_that_cannot_be_it_is_in_the_web_chat_and_the_group_is_told(
    chat: Chat, public: None, alice: Person, skill: str
) -> None:
    answer, told = ask(chat, skill, **GROUP)
    assert (answer.role, answer.text) == ("answer", "for you")
    assert (answer.bot.slug, answer.chat_id) == ("web", f"person:{alice.pk}")
    assert (answer.private_to, answer.reply_to, answer.context) == ("", "", {})
    assert (told.role, told.chat_id, told.private_to) == ("notice", "g1", "")
    assert "Alice" in told.text
    assert "/chat/" in told.text
    assert "for you" not in told.text


def test_alone_with_the_bot_it_is_an_answer_like_any_other(chat: Chat, public: None) -> None:
    (answer,) = ask(chat, "secret")
    assert (answer.bot.slug, answer.text) == ("hook", "for you")


def test_what_is_run_again_in_a_group_is_not_told_to_all(chat: Chat, alice: Person) -> None:
    ask(chat, "slow_secret", **GROUP)
    chat.say("alice", f"/retry {Job.objects.get().number}", **GROUP)
    again = Job.objects.get(state="waiting")
    runner.run(again.pk)
    told = Delivery.objects.get(job=again, role="notice")
    assert (told.text, told.chat_id) == ("for you", f"person:{alice.pk}")
