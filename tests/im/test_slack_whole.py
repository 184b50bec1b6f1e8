"""Slack through the whole house: from its signed request to what people see there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from apps.accounts import identity
from apps.accounts.models import Person
from apps.assistant import drain, pipeline, wake
from apps.audit.log import Actor
from apps.im import bots, delivery, marks
from apps.im.base import InboundRequest
from apps.im.models import Bot, Delivery
from apps.im.sender import sender
from apps.im.transport import transmit
from apps.simulate.desk import Push, Seen
from apps.simulate.slack import SlackStand
from apps.simulate.slack_people import GROUP, PEOPLE
from apps.webhooks.ingress import Ingress

SYSTEM = Actor.system("test")
pytestmark = pytest.mark.django_db


class House:
    """One bot of the stand; everything happens in the test's own thread and transaction."""

    def __init__(self, stand: SlackStand, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stand, self.bot = stand, bot
        self.ingress = Ingress()
        self.waiting: list[Delivery] = []
        monkeypatch.setattr(wake, "wake", lambda lane: None)
        monkeypatch.setattr(sender, "submit", self.waiting.extend)

    def take(self, push: Push) -> list[Seen]:
        """Push, handle, send; returns what is seen in answer."""
        known = {seen.message_id for seen in self.stand.visible()}
        request = InboundRequest("POST", "/webhooks/slack/s/", {}, push.headers, push.body)
        answer = self.ingress.handle_sync("slack", "s", request, "192.0.2.1")
        assert answer.status == 200
        for lane in ("control", "interactive"):
            while claimed := drain.claim(lane):
                pipeline.handle(claimed, timezone.now())
        self.send()
        return [seen for seen in self.stand.visible() if seen.message_id not in known]

    def send(self) -> None:
        """Make the calls that are due, and write down what came of them."""
        rows, self.waiting[:] = list(self.waiting), []
        parcels, unfit = marks.prepare(rows)
        assert not unfit
        marks.mark([async_to_sync(transmit)(parcel) for parcel in parcels])


@pytest.fixture
def house(
    slack_stand: SlackStand, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> House:
    bots.ensure_builtin(SYSTEM)
    bot = bots.add_bot("slack", "s", slack_stand.config(), SYSTEM)
    for person in (alice, bob):
        identity.bind(person, bot, PEOPLE[person.name], SYSTEM)
    return House(slack_stand, bot, monkeypatch)


def only(seen: Sequence[Seen]) -> Seen:
    (one,) = seen
    return one


def test_a_question_in_a_channel_is_answered_once_in_its_thread(house: House) -> None:
    push = house.stand.say("/ping", group=True)
    answer = only(house.take(push))
    assert ("pong" in answer.text, answer.reply_to) == (True, push.message_id)
    assert house.take(house.stand.twin(push)) == []
    assert house.take(house.stand.again(push)) == []
    assert house.stand.answers_to(push) == [answer]


def test_a_question_in_private_and_a_command(house: House) -> None:
    answer = only(house.take(house.stand.say("/echo 1 &lt; 2 &amp; &lt;!here&gt;", "bob")))
    assert ("1 < 2 & <!here>" in answer.text, answer.chat) == (True, "D0BOB")
    answer = only(house.take(house.stand.slash("/ping")))
    assert (answer.chat, answer.reply_to) == (GROUP, "")
    answer = only(house.take(house.stand.slash("/ping", "", "bob", "C0OTHER")))
    assert answer.chat == "D0BOB"


def test_a_stranger_is_told_privately_how_to_be_known(house: House) -> None:
    shown = house.take(house.stand.say("/ping", "mallory", group=True))
    assert not any("pong" in one.text for one in shown)
    codes = [one for one in shown if one.chat == GROUP and any(c.isdigit() for c in one.text)]
    assert not codes


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_what_may_have_been_shown_is_not_shown_again(house: House, kind: str) -> None:
    house.stand.fail("chat.postMessage", kind, after=True)
    push = house.stand.say("/ping", group=True)
    first = only(house.take(push))
    row = Delivery.objects.get(role="answer")
    assert row.state == "unknown"
    delivery.send_due(row.not_before)
    house.send()
    row.refresh_from_db()
    assert (row.state, row.platform_message_id) == ("sent", first.message_id)
    assert house.stand.visible() == [first]


def test_what_was_certainly_not_shown_is_not_looked_for(house: House) -> None:
    house.stand.fail("chat.postMessage", "answer", house.stand.too_many(7))
    assert house.take(house.stand.say("/ping", group=True)) == []
    row = Delivery.objects.get(role="answer")
    assert (row.state, row.attempts) == ("pending", 1)
    delivery.send_due(row.not_before)
    house.send()
    assert "pong" in only(house.stand.visible()).text
    assert not house.stand.calls_to("conversations.")


@pytest.mark.parametrize("chat", [GROUP, "D0ALICE", "C0OTHER"])
def test_a_button_can_be_pressed_wherever_its_card_is(house: House, chat: str) -> None:
    card = only(house.take(house.stand.slash("/pinng", channel=chat)))
    value = next(token for label, token in card.buttons if "/ping" in label)
    # What nobody signed is no button.
    forged = house.take(house.stand.click(card, "1.2.3.4"))
    assert all("pong" not in one.text for one in forged)
    answer = only(house.take(house.stand.click(card, value)))
    assert ("pong" in answer.text, answer.chat) == (True, card.chat)


def test_a_form_of_nowhere_is_answered_privately(house: House) -> None:
    answer = only(house.take(house.stand.submit("bind", code="918273")))
    assert answer.chat == "D0ALICE"
