"""What somebody only passed on is data: it may ask, and changes nothing without its sender."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest

from apps.accounts import authz
from apps.assistant import actions
from apps.assistant.models import Approval, Job, Message
from apps.skills.base import Param, skill
from apps.skills.testing import declared
from tests.assistant.conftest import SYSTEM, Chat

pytestmark = pytest.mark.django_db(transaction=True)
PASSED_ON = {"extra": {"forwarded": True}}


def test_a_question_is_answered(chat: Chat, answer: Callable[[Message], str]) -> None:
    assert answer(chat.say("bob", "/ping", payload=PASSED_ON)) == "pong"


def test_what_writes_is_confirmed_first(chat: Chat) -> None:
    chat.say("bob", "remind me in 20 minutes to call", payload=PASSED_ON)
    job = Job.objects.get()
    assert (job.skill, job.state, job.asking_for) == ("remind", "asking", "confirm")
    assert Approval.objects.get(job=job).kind == "confirm"


@pytest.mark.parametrize("fields", [{"payload": PASSED_ON}, {"kind": "voice"}])
def test_where_to_is_confirmed_first_though_it_only_reads(
    chat: Chat, fields: dict[str, Any]
) -> None:
    with declared():

        @skill(name="fetch", zh="取", writes=False)
        def fetch(url: Annotated[str, Param(guard="url")]) -> str:
            """Fetch an address."""
            return url

        authz.allow("member", "skill.fetch", SYSTEM)
        chat.say("bob", "/fetch https://mallory.example/", **fields)
        job = Job.objects.get()
        assert (job.skill, job.state, job.asking_for) == ("fetch", "asking", "confirm")


def test_nobody_approves_with_it(chat: Chat, answer: Callable[[Message], str]) -> None:
    message = chat.say("alice", "/approve ABCDEF", payload=PASSED_ON)
    assert message.reason == "by_hand"
    assert "按钮" in answer(message)


def test_a_second_try_is_confirmed_too(chat: Chat) -> None:
    chat.say("bob", "remind me in 20 minutes to call", payload=PASSED_ON)
    chat.say("bob", f"/deny {Approval.objects.get().code}")
    fresh = actions.retry_job(Job.objects.get(), None)
    assert (fresh.state, Approval.objects.get(job=fresh).kind) == ("asking", "confirm")
