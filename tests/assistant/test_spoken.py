"""Spoken English (espeak-ng) through the local transcriber runs the right skill.

Where the optional extra is installed: `make speech`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from apps.assistant import hearing
from apps.assistant.models import Approval, Job, Message
from apps.speech import decode
from tests.assistant.conftest import Chat
from tests.speech import sounds


@pytest.fixture(autouse=True)
def _extra() -> None:
    sounds.need_local()


@pytest.fixture
def speak(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Message]:
    """Say it aloud as a phone records it, and let it be heard and handled."""
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(hearing, "_call", lambda m: calls.append((m.pk, m.attempts)))

    def say(text: str) -> Message:
        sound = decode.decode(sounds.spoken(text), "audio/wav")
        data = sounds.encoded("opus", sound.samples)
        voice = {"type": "voice", "data": base64.b64encode(data).decode()}
        payload = {"attachments": [voice], "extra": {}}
        message = chat.say("alice", "", kind="voice", payload=payload)
        hearing.run(*calls.pop())
        chat.handle()
        message.refresh_from_db()
        return message

    return say


def test_a_question_runs_its_skill(speak: Callable[[str], Message]) -> None:
    message = speak("Are you there?")
    assert (message.state, message.reason) == ("done", "ping")
    assert message.payload["heard"]["by"] == "whisper-base"


def test_what_writes_is_asked_about_with_what_was_heard(speak: Callable[[str], Message]) -> None:
    message = speak("Remind me in twenty minutes to call Bob.")
    job = Job.objects.get(message=message)
    assert (job.skill, job.state) == ("remind", "asking")
    assert job.parameters["text"].casefold() == "call bob"
    assert Approval.objects.get(job=job).kind == "confirm"
