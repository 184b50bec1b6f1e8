"""A message meets identity, limits, understanding, permission, and gets exactly one answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apps.accounts import authz, identity
from apps.accounts.models import Person
from apps.assistant.models import Job, Message
from apps.audit.models import AuditRow
from apps.im.models import Delivery
from tests.assistant.conftest import SYSTEM, Chat

Answer = Callable[[Message], str]
pytestmark = pytest.mark.django_db


def test_a_member_gets_pong(chat: Chat, answer: Answer) -> None:
    message = chat.say("bob", "/ping")
    assert message.state == "done"
    assert answer(message) == "pong"
    assert message.person is not None
    assert message.person.name == "bob"
    actions = list(
        AuditRow.objects.filter(trace_id=message.trace_id).values_list("action", flat=True)
    )
    assert actions == ["message.accepted", "permission.allowed", "message.done"]


def test_a_stranger_runs_nothing_and_gets_a_code(chat: Chat, answer: Answer) -> None:
    message = chat.say("mallory", "/host")
    assert message.state == "refused"
    assert not Job.objects.exists()
    first = answer(message)
    again = chat.say("mallory", "/host")
    assert "10 分钟" in first
    assert "一小时" in answer(again)


def test_a_stranger_in_a_group_is_asked_to_write_privately(chat: Chat, answer: Answer) -> None:
    message = chat.say("mallory", "/ping", chat_type="group", chat_id="g1")
    assert "私下" in answer(message)


def test_a_redeemed_code_binds(chat: Chat, answer: Answer, bob: Person) -> None:
    text = answer(chat.say("newbob", "/ping"))
    code = next(line for line in text.splitlines() if "：" in line and "配对码" in line)
    code = code.split("：")[1].split("（")[0].strip()
    identity.redeem(code, bob, bob)
    assert answer(chat.say("newbob", "/ping")) == "pong"


def test_a_missing_right_is_named_and_audited(chat: Chat, answer: Answer) -> None:
    message = chat.say("bob", "/host")
    assert message.state == "refused"
    assert "skill.host" in answer(message)
    assert "alice" in answer(message).casefold()
    row = AuditRow.objects.get(trace_id=message.trace_id, action="permission.denied")
    assert row.data["permission"] == "skill.host"
    assert not Job.objects.exists()


def test_an_administrators_host_becomes_a_job(chat: Chat) -> None:
    message = chat.say("alice", "/host")
    job = Job.objects.get()
    assert message.state == "done"
    assert (job.skill, job.state, job.lane) == ("host", "waiting", "normal")
    assert not Delivery.objects.filter(message=message, role="answer").exists()


def test_the_same_event_and_the_same_message_are_stored_once(chat: Chat) -> None:
    from apps.assistant import inbox

    fields = {"bot_id": chat.bot.pk, "platform": "webhook", "chat_id": "c", "sender_id": "u-bob"}
    first = inbox.Incoming(event_id="a", second_key="m", text="/ping", **fields)
    same_event = inbox.Incoming(event_id="a", second_key="m2", text="/ping", **fields)
    same_message = inbox.Incoming(event_id="b", second_key="m", text="/ping", **fields)
    honest_second = inbox.Incoming(event_id="c", second_key=None, text="/ping", **fields)
    duplicates = [
        inbox.store([item])[0].duplicate
        for item in (first, same_event, same_message, honest_second)
    ]
    assert duplicates == [False, True, True, False]


def test_one_batch_with_a_repeat_in_it_keeps_one(chat: Chat) -> None:
    from apps.assistant import inbox

    items = [
        inbox.Incoming(
            bot_id=chat.bot.pk, platform="webhook", chat_id="c", sender_id="u-bob",
            event_id="a", text="/ping",
        )
        for _ in range(3)
    ]  # fmt: skip
    stored = inbox.store(items)
    assert [s.duplicate for s in stored] == [False, True, True]
    assert Message.objects.count() == 1


def test_messages_of_one_chat_are_handled_in_order_one_at_a_time(chat: Chat) -> None:

    from apps.assistant import drain

    keys = [chat.put("bob", f"/echo {n}") for n in range(3)]
    other = chat.put("alice", "/ping")
    first = drain.claim("interactive", 10)
    assert sorted(m.pk for m in first) == sorted([keys[0], other])
    assert drain.claim("interactive", 10) == []


def test_over_the_rate_is_limited_with_one_card(chat: Chat, settings: object) -> None:
    settings.CLAWDBOT_LIMIT_PERSON = "2/m"  # type: ignore[attr-defined]
    states = [chat.say("bob", "/ping").state for _ in range(5)]
    assert states == ["done", "done", "limited", "limited", "limited"]
    assert Delivery.objects.filter(role="notice").count() == 1


def test_a_group_message_that_is_not_for_us_is_ignored(chat: Chat) -> None:
    message = chat.say("bob", "hello all", chat_type="group", chat_id="g", mentions_bot=False)
    assert message.state == "ignored"
    assert not Delivery.objects.exists()


def test_a_missing_parameter_is_asked_for_and_filled(chat: Chat, answer: Answer) -> None:
    question = chat.say("bob", "/echo")
    assert "什么" in answer(question)
    filled = chat.say("bob", "你好  世界")
    assert answer(filled) == "你好  世界"
    assert Job.objects.get().state == "succeeded"


def test_a_command_instead_of_the_answer_drops_the_question(chat: Chat, answer: Answer) -> None:
    chat.say("bob", "/echo")
    assert answer(chat.say("bob", "/ping")) == "pong"
    assert Job.objects.get().state == "cancelled"


def test_never_mind_drops_the_question(chat: Chat, answer: Answer) -> None:
    chat.say("bob", "/echo")
    assert "不问了" in answer(chat.say("bob", "算了"))
    assert Job.objects.get().state == "cancelled"


def test_somebody_elses_message_does_not_answer_the_question(chat: Chat) -> None:
    chat.say("bob", "/echo", chat_id="g", chat_type="group")
    chat.say("carol", "hello", chat_id="g", chat_type="group")
    assert Job.objects.get().state == "asking"


def test_an_unknown_command_gets_offers_and_runs_nothing(chat: Chat, answer: Answer) -> None:
    message = chat.say("bob", "/pimg")
    delivery = Delivery.objects.get(message=message)
    assert "/ping" in [button["cmd"] for button in delivery.card["buttons"]]
    assert not Job.objects.exists()


def test_a_disabled_person_runs_nothing(chat: Chat, bob: Person, alice: Person) -> None:
    authz.disable_person(bob, SYSTEM)
    message = chat.say("bob", "/ping")
    assert message.state == "refused"


def test_a_broken_message_does_not_hold_up_the_others(
    chat: Chat, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    from apps.assistant import pipeline

    real = pipeline.perform

    def broken(case: object) -> None:
        if case.message.text == "/echo poison":  # type: ignore[attr-defined]
            raise ValueError("a fault of ours")
        real(case)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "perform", broken)
    poison = chat.put("bob", "/echo poison")
    good = chat.put("alice", "/ping")
    chat.handle()
    assert answer(Message.objects.get(pk=good)) == "pong"
    for _ in range(2):
        Message.objects.filter(pk=poison).update(not_before=chat.now)
        chat.handle()
    message = Message.objects.get(pk=poison)
    assert message.state == "dead"
    assert f"M{poison}" in answer(message)


def test_a_reminder_in_words_is_stored_with_its_time(chat: Chat, answer: Answer) -> None:
    message = chat.say("bob", "20分钟后提醒我交周报")
    job = Job.objects.get()
    assert (job.skill, job.reply_role, job.parameters["text"]) == ("remind", "notice", "交周报")
    minutes = (job.not_before - chat.now).total_seconds() / 60
    assert 18.9 < minutes <= 20.1
    assert "交周报" in answer(message)
