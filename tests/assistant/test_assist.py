"""What nobody understood goes to a model, whose proposal is checked, confirmed and run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.utils import timezone

from apps.accounts import authz
from apps.accounts.models import Person
from apps.assistant import jobs, runner, wake
from apps.assistant.models import Job, Message, Step
from apps.audit.log import Actor
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
