"""What is for one person alone stays so, wherever it was asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.accounts.models import Person
from apps.assistant import inbox, jobs, runner
from apps.assistant.models import Conversation, Job
from apps.im import marks, registry
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


def fire(chat: Chat, person: Person, where: dict[str, str]) -> list[Delivery]:
    """A schedule of theirs asks in a chat."""
    home = Conversation.objects.get_or_create(bot=chat.bot, **where)[0]
    pk = inbox.store_fired(
        conversation=home, person_id=person.pk, text="/secret", event_id="fired", due=chat.now
    )
    chat.handle()
    return list(Delivery.objects.filter(message=pk).order_by("pk"))


def test_what_a_schedule_asks_in_a_group_goes_to_its_owner_alone(chat: Chat, alice: Person) -> None:
    (answer,) = fire(chat, alice, GROUP)
    assert (answer.text, answer.chat_id, answer.private_to) == ("for you", "g1", "u-alice")


def test_who_has_no_name_there_finds_it_in_the_web_chat(chat: Chat, alice: Person) -> None:
    alice.bindings.all().delete()
    answer, told = fire(chat, alice, GROUP)
    assert (answer.text, answer.chat_id) == ("for you", f"person:{alice.pk}")
    assert (told.chat_id, "for you" in told.text) == ("g1", False)


def test_what_a_schedule_asks_in_a_private_chat_is_said_there(chat: Chat, alice: Person) -> None:
    (answer,) = fire(chat, alice, {"chat_id": "chat-alice", "chat_type": "private"})
    assert (answer.chat_id, answer.private_to) == ("chat-alice", "")


def test_what_goes_out_is_worded_as_its_reader_reads(chat: Chat, bob: Person) -> None:
    Person.objects.filter(pk=bob.pk).update(language="en")
    message = chat.say("bob", "/pingg")
    answer = Delivery.objects.get(message=message, role="answer")
    assert answer.context["language"] == "en"
    assert "Commands you can type" in answer.text
    (parcel,), _ = marks.prepare([answer])
    assert parcel.outgoing.language == "en"
    plain = Delivery.objects.get(message=chat.say("carol", "/pingg"), role="answer")
    assert "language" not in plain.context
