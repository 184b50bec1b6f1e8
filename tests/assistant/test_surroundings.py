"""What only the platform knows is asked, once, in order, and again while it is away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from apps.accounts import identity
from apps.accounts.models import Person
from apps.assistant import drain, pipeline
from apps.assistant.models import Conversation, Message
from apps.im import bots
from apps.im.models import Bot, Delivery
from apps.simulate.desk import Push
from apps.simulate.matrix import MatrixStand
from apps.simulate.matrix_people import BOT, GROUP, PEOPLE, room_of
from apps.simulate.server import Answer
from tests.assistant.conftest import SYSTEM

pytestmark = pytest.mark.django_db


@pytest.fixture
def stand() -> Iterator[MatrixStand]:
    with MatrixStand() as made:
        yield made


@pytest.fixture
def office(stand: MatrixStand, bot: Bot, alice: Person, bob: Person) -> Bot:
    """A Matrix bot, with Alice and Bob bound to it."""
    made = bots.add_bot("matrix", "office", stand.config(), SYSTEM)
    for person in (alice, bob):
        identity.bind(person, made, PEOPLE[person.name], SYSTEM)
    return made


def push(pushed: Push, handle: bool = True) -> list[Message]:
    """Take a transaction in through its address, and handle what it brought."""
    last = Message.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    client = Client(headers=pushed.headers)
    answer = client.put(
        f"/webhooks/matrix/office/{pushed.path}", pushed.body, content_type="application/json"
    )
    assert answer.status_code == 200, answer.content
    if handle:
        run()
    return list(Message.objects.filter(pk__gt=last).order_by("pk"))


def run(later_s: float = 0) -> None:
    with time_machine.travel(timezone.now() + timedelta(seconds=later_s), tick=True):
        while claimed := drain.claim("interactive"):
            pipeline.handle(claimed)


def answers(message: Message) -> list[str]:
    return list(
        Delivery.objects.filter(message=message, role="answer").values_list("text", flat=True)
    )


def test_a_room_of_two_is_private_and_asked_about_once(stand: MatrixStand, office: Bot) -> None:
    for _ in range(2):
        (message,) = push(stand.say("/ping"))
        assert (message.state, answers(message)) == ("done", ["pong"])
    assert Conversation.objects.get(chat_id=room_of("alice")).chat_type == "private"
    assert len(stand.calls_to("/members")) == 1


def test_in_a_group_only_who_speaks_to_the_bot_is_answered(stand: MatrixStand, office: Bot) -> None:
    (overheard,) = push(stand.say("/ping", group=True, mention=False))
    (asked,) = push(stand.say("/ping", "bob", group=True))
    assert (overheard.state, overheard.reason) == ("ignored", "not_addressed")
    assert answers(asked) == ["pong"]
    assert Conversation.objects.get(chat_id=GROUP).chat_type == "group"


def test_a_room_is_asked_about_again_when_somebody_came(stand: MatrixStand, office: Bot) -> None:
    room = room_of("alice")
    push(stand.say("/ping"))
    stand.members[room][PEOPLE["bob"]] = "join"
    joined = stand.happened(
        room, PEOPLE["bob"], "m.room.member", {"membership": "join"}, PEOPLE["bob"]
    )
    (event,) = push(stand.push(joined))
    assert (event.state, event.reason) == ("ignored", "event")
    (message,) = push(stand.say("/ping"))
    assert message.state == "ignored"
    assert not Delivery.objects.filter(message=event).exists()


def test_an_invitation_is_accepted_without_a_word(stand: MatrixStand, office: Bot) -> None:
    (event,) = push(stand.invite("alice"))
    assert event.state == "ignored"
    assert stand.members[event.conversation.chat_id][BOT] == "join"
    assert event.conversation.chat_type == "private"
    assert not Delivery.objects.exists()


def test_a_stranger_stays_alone(stand: MatrixStand, office: Bot) -> None:
    (event,) = push(stand.invite("mallory"))
    assert stand.members[event.conversation.chat_id][BOT] == "leave"
    assert not Delivery.objects.exists()


def test_a_person_who_left_the_company_is_a_stranger(
    stand: MatrixStand, office: Bot, alice: Person
) -> None:
    alice.is_active = False
    alice.save()
    (event,) = push(stand.invite("alice"))
    assert stand.members[event.conversation.chat_id][BOT] == "leave"


def test_what_was_said_before_the_bot_came_is_answered_once(
    stand: MatrixStand, office: Bot
) -> None:
    invitation = stand.invite("alice")
    room = list(stand.members)[-1]
    early = stand.written({"msgtype": "m.text", "body": "/ping"}, "alice", room)
    _, message = push(invitation)
    assert (message.platform_message_id, answers(message)) == (early["event_id"], ["pong"])
    assert push(stand.push(early)) == []


def test_an_encrypted_room_gets_a_notice_that_is_no_answer(stand: MatrixStand, office: Bot) -> None:
    event = stand.happened(room_of("alice"), PEOPLE["alice"], "m.room.encryption", {}, "")
    (message,) = push(stand.push(event))
    assert message.state == "ignored"
    told = Delivery.objects.get()
    assert (told.role, told.reply_to, told.chat_id) == ("notice", "", room_of("alice"))


def test_a_platform_that_is_away_is_asked_until_it_is_back(stand: MatrixStand, office: Bot) -> None:
    invitation = stand.invite("alice")
    stand.fail("", "answer", Answer(503, {"errcode": "M_UNKNOWN"}), times=6)
    (event,) = push(invitation)
    assert event.state == "waiting"
    room, content = event.conversation.chat_id, {"msgtype": "m.text", "body": "/ping"}
    (message,) = push(stand.push(stand.written(content, "alice", room)))
    for minute in range(1, 9):
        run(later_s=minute * 60)
    event.refresh_from_db()
    message.refresh_from_db()
    assert (event.state, message.state) == ("ignored", "done")
    assert event.attempts > 3  # more than a message that is at fault itself would get
    assert answers(message) == ["pong"]


def test_after_an_hour_nobody_waits_any_more(stand: MatrixStand, office: Bot) -> None:
    stand.fail("", "answer", Answer(503, {"errcode": "M_UNKNOWN"}), times=1000)
    (event,) = push(stand.invite("alice"))
    (message,) = push(stand.say("/ping", "bob"))
    run(later_s=3700)
    event.refresh_from_db()
    message.refresh_from_db()
    assert (event.state, message.state) == ("ignored", "ignored")


def test_what_is_refused_for_good_is_over(stand: MatrixStand, office: Bot) -> None:
    invitation = stand.invite("alice")
    stand.fail("/join", "answer", Answer(403, {"errcode": "M_FORBIDDEN"}))
    (event,) = push(invitation)
    assert event.state == "ignored"


def test_the_others_of_a_batch_do_not_suffer(stand: MatrixStand, office: Bot) -> None:
    push(stand.say("/ping", "bob"))
    stand.fail("", "answer", Answer(503, {"errcode": "M_UNKNOWN"}), times=1000)
    (event,) = push(stand.invite("alice"), handle=False)
    (message,) = push(stand.say("/ping", "bob"), handle=False)
    run()
    event.refresh_from_db()
    message.refresh_from_db()
    assert (event.state, message.state) == ("waiting", "done")
