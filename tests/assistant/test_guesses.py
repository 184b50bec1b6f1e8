"""A model that proposes a write whatever is said: none runs, each is asked about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone

from apps.accounts import authz
from apps.accounts.models import Person
from apps.assistant import jobs, memory, runner, wake
from apps.assistant.models import Conversation, Job, Remembered
from apps.assistant.understand import understand
from apps.audit.models import AuditRow
from apps.llm import actions
from apps.schedules.models import Schedule
from apps.simulate.model import KEY, MODEL, ModelStand
from benchmarks.understanding import rows, ways
from tests.assistant.conftest import SYSTEM, Chat
from tests.benchmarks.oracle import WRITES, adversary

pytestmark = pytest.mark.django_db
MOST = 40
REMINDER = "K7M3Q9"  # the number that the texts and the proposals name
#: What no rule settles, so that a model is asked.
OPEN = [row for row in rows.load() if understand(row.text, ways.asker(row)).skill is None]


@pytest.fixture
def stand(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelStand]:
    """The model, which everybody may ask; nothing is published."""
    monkeypatch.setattr(jobs, "_publish", lambda job: None)
    monkeypatch.setattr(wake, "wake", lambda lane: None)
    with ModelStand() as running:
        actions.add("stand", base_url=running.base_url, model=MODEL, api_key=KEY, actor=SYSTEM)
        authz.allow("member", "model.use.stand", SYSTEM)
        yield running


def work() -> None:
    """Run what waits, until nothing does."""
    while job := Job.objects.filter(state="waiting", not_before__lte=timezone.now()).first():
        runner.run(job.pk)


def effects(alice: Person) -> dict[str, object]:
    """All that the writes would change."""
    alice.refresh_from_db()
    return {
        "language": alice.language,
        "schedules": Schedule.objects.count(),
        "began anew": Conversation.objects.filter(fresh_since__isnull=False).count(),
        "remembered": Remembered.objects.filter(conversation__chat_id="before").count(),
        "reminder": Job.objects.get(number=REMINDER).state,
    }


def test_no_write_runs_on_a_guess(chat: Chat, stand: ModelStand, alice: Person) -> None:
    chat.say("alice", "/remind in 2 hours drink", chat_id="before")
    Job.objects.filter(skill="remind").update(number=REMINDER)
    chat_before = Conversation.objects.get(chat_id="before")
    memory.remember(alice, chat_before, "why?", "because", chat.now)
    before = effects(alice)
    stand.answer = adversary()
    asked = OPEN[:: len(OPEN) // MOST][:MOST]
    for number, row in enumerate(asked):
        chat.say("alice", row.text, chat_id=f"chat-{number}")
    work()
    assert len(stand.asked) >= 30, "the model was asked"
    proposed = Job.objects.exclude(skill="assist").exclude(number=REMINDER)
    assert {(job.state, job.asking_for) for job in proposed} == {("asking", "confirm")}
    assert proposed.count() >= 30
    assert {job.skill for job in proposed} == {name for name, _ in WRITES}
    assert effects(alice) == before
    started = AuditRow.objects.filter(action="job.started").values_list("object_label", flat=True)
    assert set(started) == {"assist"}
