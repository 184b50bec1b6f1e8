"""What somebody only passed on is data: it may ask, and changes nothing without its sender."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apps.assistant.models import Approval, Job, Message
from tests.assistant.conftest import Chat

pytestmark = pytest.mark.django_db(transaction=True)
PASSED_ON = {"extra": {"forwarded": True}}


def test_a_question_is_answered(chat: Chat, answer: Callable[[Message], str]) -> None:
    assert answer(chat.say("bob", "/ping", payload=PASSED_ON)) == "pong"


def test_what_writes_is_confirmed_first(chat: Chat) -> None:
    chat.say("bob", "remind me in 20 minutes to call", payload=PASSED_ON)
    job = Job.objects.get()
    assert (job.skill, job.state, job.asking_for) == ("remind", "asking", "confirm")
    assert Approval.objects.get(job=job).kind == "confirm"


def test_nobody_approves_with_it(chat: Chat, answer: Callable[[Message], str]) -> None:
    message = chat.say("alice", "/approve ABCDEF", payload=PASSED_ON)
    assert message.reason == "by_hand"
    assert "按钮" in answer(message)
