"""Voice in the pipeline: heard once, in its place, and asked about before it changes anything."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Person
from apps.assistant import hearing, sweeper
from apps.assistant.models import Approval, Job, Message
from apps.audit.log import Actor
from apps.im.models import Delivery, StoredFile
from apps.simulate.server import Answer
from apps.simulate.transcriber import KEY, MODEL, TranscriberStand
from apps.speech import actions, local
from apps.speech.decode import Sound
from tests.assistant.conftest import Chat
from tests.speech import sounds

SOUND = Sound(sounds.tone(1.0)).wav()
Answers = Callable[[Message], str]


@pytest.fixture
def stand(db: None) -> Iterator[TranscriberStand]:
    """Somebody who hears what the test says."""
    with TranscriberStand() as made:
        actions.set_transcriber(
            base_url=made.url, model=MODEL, api_key=KEY, language="", actor=Actor.system("test")
        )
        yield made


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The calls for a listener: no broker brings them here."""
    made: list[tuple[int, int]] = []
    monkeypatch.setattr(hearing, "_call", lambda m: made.append((m.pk, m.attempts)))
    return made


def voice(data: bytes = SOUND, **more: Any) -> dict[str, Any]:
    attachment = {"type": "voice", "data": base64.b64encode(data).decode()} | more
    return {"kind": "voice", "payload": {"attachments": [attachment], "extra": {}}}


def speak(chat: Chat, calls: list[tuple[int, int]], who: str = "alice", **more: Any) -> Message:
    """Say something and let it be heard and handled."""
    message = chat.say(who, "", **voice(**more))
    while calls:
        hearing.run(*calls.pop(0))
    chat.handle()
    message.refresh_from_db()
    return message


def due(message: Message) -> None:
    """As if the time had come."""
    Message.objects.filter(pk=message.pk).update(not_before=timezone.now())


def test_a_spoken_command_runs_and_says_what_was_heard(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]], answer: Answers
) -> None:
    stand.words = "Slash ping."
    message = speak(chat, calls)
    assert (message.state, message.reason, message.text) == ("done", "ping", "/ping")
    assert "/ping" in answer(message).splitlines()[0]
    assert answer(message).splitlines()[-1] == "pong"
    assert not StoredFile.objects.exists()  # a voice is not kept once it is text
    assert "data" not in message.payload["attachments"][0]


@pytest.mark.parametrize("said", ["状态。", "系统正常吗？", "狀態", "斜杠状态", "Status."])
def test_reading_skills_run_at_once_in_both_languages(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]], said: str
) -> None:
    stand.words = said
    assert speak(chat, calls).reason == "status"


def test_what_writes_is_confirmed_with_what_was_heard(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]], answer: Answers
) -> None:
    stand.words = "二十分鐘後提醒我喝水。"
    message = speak(chat, calls)
    job = Job.objects.get(message=message)
    assert (job.skill, job.state, job.asking_for) == ("remind", "asking", "confirm")
    card = Delivery.objects.get(message=message, role="progress")
    assert "20分钟后提醒我喝水" in card.text
    code = Approval.objects.get(job=job).code
    said = chat.say("alice", f"/approve {code}")
    assert said.reason == "approve"
    job.refresh_from_db()
    assert job.state == "waiting"


def test_a_transcript_of_the_platform_is_confirmed_too(chat: Chat) -> None:
    message = chat.say("alice", "/lang en", kind="voice")
    assert Job.objects.get(message=message).state == "asking"
    typed = chat.say("alice", "/lang en")
    assert typed.reason == "lang"


def test_nothing_is_approved_by_voice(chat: Chat, answer: Answers) -> None:
    message = chat.say("alice", "/approve K7M3Q9", kind="voice")
    assert message.reason == "by_hand"
    assert "打字" in answer(message)


def test_the_next_message_waits_for_its_turn(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]]
) -> None:
    first = chat.put("alice", "", **voice())
    second = chat.put("alice", "/echo later")
    other = chat.put("bob", "/ping")
    chat.handle()
    states = {m.pk: m.state for m in Message.objects.all()}
    assert states == {first: "waiting", second: "waiting", other: "done"}
    hearing.run(*calls.pop())
    chat.handle()
    done = Message.objects.filter(pk__in=[first, second], state="done")
    assert done.count() == 2
    answers = Delivery.objects.filter(role="answer", message__in=done).order_by("pk")
    assert [row.message_id for row in answers] == [first, second]


def test_a_lost_call_is_repeated_and_costs_no_attempt(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]]
) -> None:
    message = chat.say("alice", "", **voice())
    for _ in range(5):
        calls.clear()  # the broker lost it
        chat.handle()
        assert not calls  # not before its time
        due(message)
        chat.handle()
        assert len(calls) == 1
    hearing.run(*calls.pop())
    chat.handle()
    message.refresh_from_db()
    assert message.state == "done"


def test_a_repeated_or_late_call_does_nothing(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]]
) -> None:
    message = chat.say("alice", "", **voice())
    late = calls.pop()
    due(message)
    chat.handle()
    hearing.run(*late)
    assert stand.heard_s == []
    fresh = calls.pop()
    hearing.run(*fresh)
    hearing.run(*fresh)
    assert len(stand.heard_s) == 1


def test_what_cannot_be_heard_is_answered_after_three_tries(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]], answer: Answers
) -> None:
    stand.fail("/audio/", "answer", Answer(503, {}), times=9)
    message = chat.say("alice", "", **voice())
    for _ in range(3):
        hearing.run(*calls.pop())
        due(message)
        chat.handle()
    message.refresh_from_db()
    assert (message.state, message.reason) == ("done", "unheard")
    assert "503" in answer(message)
    assert calls == []


def test_a_listener_that_dies_is_followed_by_another_twice(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]], answer: Answers
) -> None:
    message = chat.say("alice", "", **voice())
    for _ in range(3):
        hearing._begin(*calls.pop())  # and then its process is gone
        due(message)
        chat.handle()
    message.refresh_from_db()
    assert message.reason == "unheard"


def test_nobody_waits_for_ever(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]], answer: Answers
) -> None:
    message = chat.say("alice", "", **voice())
    Message.objects.filter(pk=message.pk).update(
        created_at=timezone.now() - timedelta(minutes=16), not_before=timezone.now()
    )
    chat.handle()
    message.refresh_from_db()
    assert message.reason == "unheard"
    assert "太忙" in answer(message)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"%PDF-1.4 no sound", "不认识"),
        (b"OggS" + bytes(50), "损坏"),
        (b"\x7fELF" + bytes(50), "不认识"),
    ],
)
def test_what_is_no_sound_is_answered_at_once(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]], answer: Answers,
    data: bytes, why: str,
) -> None:  # fmt: skip
    message = speak(chat, calls, data=data)
    assert message.reason == "unheard"
    assert why in answer(message)


def test_what_claims_to_be_too_long_is_not_fetched(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]], answer: Answers
) -> None:
    message = chat.say("alice", "", **voice(duration_ms=121_000))
    hearing.run(*calls.pop())
    chat.handle()
    assert "超过 120 秒" in answer(message)
    assert stand.heard_s == []


def test_silence_is_answered(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]], answer: Answers
) -> None:
    stand.words = ""
    assert "没有听到" in answer(speak(chat, calls))


def test_without_a_transcriber_it_says_so_at_once(
    chat: Chat, calls: list[tuple[int, int]], answer: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "installed", lambda: False)
    message = chat.say("alice", "", **voice())
    assert message.reason == "unheard"
    assert "manage.py speech" in answer(message)
    assert calls == []


def test_a_stranger_is_not_listened_to(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]]
) -> None:
    message = chat.say("mallory", "", **voice())
    assert message.state == "refused"
    assert calls == []


def test_it_counts_once_towards_the_rates(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]], settings: Any
) -> None:
    settings.CLAWDBOT_LIMIT_PERSON = "2/m"
    stand.words = "ping"
    assert [speak(chat, calls).state for _ in range(3)] == ["done", "done", "limited"]


def test_what_is_not_sure_is_only_offered(chat: Chat, answer: Answers) -> None:
    heard = {"text": "/host", "sure": False}
    message = chat.say("alice", "/host", kind="voice", payload={"heard": heard})
    assert message.reason == "unsure"
    assert not Job.objects.exists()
    (button,) = Delivery.objects.get(message=message).card["buttons"]
    assert button["cmd"] == "/host"


@pytest.mark.parametrize("said", ["装太", "壮胎"])
def test_a_name_that_only_sounds_right_is_offered(chat: Chat, said: str) -> None:
    message = chat.say("alice", said, kind="voice")
    assert message.state == "done"
    cmds = [one["cmd"] for one in Delivery.objects.get(message=message).card["buttons"]]
    assert "/status" in cmds
    typed = chat.say("alice", said)
    assert "/status" not in str(Delivery.objects.get(message=typed).card["buttons"])


def test_a_question_is_answered_by_voice(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]], answer: Answers
) -> None:
    chat.say("alice", "/echo")
    stand.words = "你好世界。"
    message = speak(chat, calls)
    assert answer(message).splitlines()[-1] == "你好世界"


def test_the_sweeper_wakes_it(
    chat: Chat, stand: TranscriberStand, calls: list[tuple[int, int]], alice: Person
) -> None:
    message = chat.say("alice", "", **voice())
    calls.clear()
    Message.objects.filter(pk=message.pk).update(not_before=timezone.now() - timedelta(seconds=9))
    sweeper.lanes()
    assert len(calls) == 1
