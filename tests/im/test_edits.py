"""A card that is edited shows its newest state in the end, whatever is lost, late or cut off."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.assistant.models import Conversation
from apps.audit.log import Actor
from apps.core import work
from apps.core.clock import utcnow
from apps.im import bots, delivery, marks, registry
from apps.im.base import Abilities
from apps.im.cards import Button, Card, answer
from apps.im.models import Bot, Delivery
from apps.im.platforms.webhook import Webhook
from apps.im.transport import Parcel, Result

pytestmark = pytest.mark.django_db
SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA=="
FAR = timedelta(days=1)


@pytest.fixture
def bot() -> Bot:
    values = {"secret": SECRET, "reply_url": "http://127.0.0.1:9/"}
    return bots.add_bot("webhook", "hook", values, Actor.system("test"))


def put(bot: Bot, role: str = "progress", card: Card | None = None) -> Delivery:
    """A card that waits to be sent."""
    card = card or Card(buttons=(Button("Stop", "/cancel 1"),))
    chat, _ = Conversation.objects.get_or_create(bot=bot, chat_id="c")
    row = Delivery(
        bot=bot, conversation=chat, role=role, chat_id="c", card=card.to_json(), text="0"
    )
    delivery.create([row], take=False)
    return Delivery.objects.get(pk=row.pk)


def take(row: Delivery, now: datetime | None = None) -> Parcel | None:
    """What a sender would do with it now."""
    now = now or utcnow() + FAR
    Delivery.objects.filter(pk=row.pk).update(expires_at=None)
    claimed = delivery.take_in.run(1, now=now, keys=[row.pk], limited=[])
    if not claimed:
        return None
    (parcel,), unfit = marks.prepare(claimed)
    assert not unfit
    return parcel


@dataclass
class Flight:
    """One call under way."""

    parcel: Parcel
    landed: bool = False


@dataclass
class World:
    """A platform with one message, and the calls that are on their way to it."""

    row: Delivery
    text: str | None = None
    seen: list[int] = field(default_factory=list)
    messages: int = 0
    flights: list[Flight] = field(default_factory=list)
    written: int = 0
    refused: int = -1
    over: bool = False

    def edit(self) -> None:
        if not self.over:
            self.written += 1
            delivery.edit(self.row, answer(str(self.written)).to_json(), str(self.written))

    def close(self) -> None:
        self.edit()
        self.over = True

    def claim(self) -> None:
        if parcel := take(self.row):
            self.flights.append(Flight(parcel))

    def land(self, place: int) -> None:
        """The platform does what was asked; a key that it knows shows nothing new by itself."""
        flight = self.flights[place % len(self.flights)]
        if flight.landed:
            return
        flight.landed = True
        out = flight.parcel.outgoing
        if not flight.parcel.update and self.messages == 0:
            self.messages, self.text = 1, out.text
        elif flight.parcel.update or out.revision:
            self.text = out.text
        else:
            return
        self.seen.append(out.revision)

    def mark(self, place: int, kind: str) -> None:
        """The sender writes what it knows; without an answer it cannot know."""
        flight = self.flights.pop(place % len(self.flights))
        outcome: Any = kind if flight.landed or kind != "sent" else "unknown"
        name = "m1" if outcome == "sent" else ""
        if outcome == "failed":
            self.refused = flight.parcel.outgoing.revision
        marks.mark([Result(flight.parcel.delivery, "webhook", outcome, name)])

    def die(self, place: int, late: bool) -> None:
        """The sender falls silent: its lease runs out, and with `late` its mark comes after that.

        Its call is over by then: an attempt takes at most half a lease.
        """
        flight = self.flights.pop(place % len(self.flights))
        Delivery.objects.filter(pk=self.row.pk, state="sending").update(
            lease_until=utcnow() - timedelta(minutes=1)
        )
        work.sweep(Delivery)
        if late:
            again = take(self.row)
            kind: Any = "sent" if flight.landed else "unknown"
            marks.mark([Result(flight.parcel.delivery, "webhook", kind, "m1")])
            if again:
                self.flights.append(Flight(again))

    def settle(self) -> None:
        """Everything works from here on."""
        for _ in range(4):
            while self.flights:
                self.land(0)
                self.mark(0, "sent")
            self.claim()
        assert not self.flights


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["edit", "edit", "claim", "claim", "land", "land", "mark", "die", "close"]),
        st.integers(0, 3),
        st.sampled_from(["sent", "sent", "later", "unknown", "failed"]),
        st.booleans(),
    ),
    max_size=20,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, role=st.sampled_from(["progress", "answer", "notice"]))
def test_the_last_state_is_shown_and_none_before_it_comes_after(
    bot: Bot, steps: list[tuple[str, int, str, bool]], role: str
) -> None:
    world = World(put(bot, role))
    for name, place, kind, late in steps:
        if name in {"edit", "close", "claim"}:
            getattr(world, name)()
        elif world.flights and name == "land":
            world.land(place)
        elif world.flights and name == "mark":
            world.mark(place, kind)
        elif world.flights and name == "die":
            world.die(place, late)
    world.close()
    row = Delivery.objects.get(pk=world.row.pk)
    unseen = role != "progress" and not row.platform_message_id
    if row.state == "failed" and (world.refused == row.revision or unseen):
        return  # refused for good: the last state itself, or a card that nobody ever saw
    world.settle()
    row.refresh_from_db()
    assert (row.state, world.text, world.messages) == ("sent", str(world.written), 1)
    assert world.seen == sorted(world.seen)


def test_edits_come_half_a_second_apart_at_the_least(bot: Bot) -> None:
    row = put(bot)
    parcel = take(row)
    assert parcel is not None
    marks.mark([Result(parcel.delivery, "webhook", "sent", "m1")])
    for text in ("1", "2", "3"):
        delivery.edit(row, answer(text).to_json(), text)
    row.refresh_from_db()
    assert row.sent_at is not None
    assert row.not_before == row.sent_at + marks.EDIT_GAP
    assert take(row, row.sent_at + timedelta(seconds=0.4)) is None
    shown = take(row, row.sent_at + timedelta(seconds=0.5))
    assert shown is not None
    assert (shown.outgoing.text, shown.update) == ("3", True)  # one call for all of them


def test_an_edit_during_the_call_goes_out_half_a_second_after_it(bot: Bot) -> None:
    row = put(bot)
    parcel = take(row)
    assert parcel is not None
    delivery.edit(row, answer("1").to_json(), "1")
    marks.mark([Result(parcel.delivery, "webhook", "sent", "m1")])
    row.refresh_from_db()
    assert row.state == "pending"
    assert row.sent_at is not None
    assert row.not_before == row.sent_at + marks.EDIT_GAP


@pytest.mark.parametrize("role", ["progress", "notice"])
def test_an_older_state_that_is_refused_does_not_keep_the_last_one_back(
    bot: Bot, role: str
) -> None:
    row = put(bot, role)
    Delivery.objects.update(state="pending", platform_message_id="m1", shown_revision=0, revision=1)
    parcel = take(row)
    assert parcel is not None
    delivery.edit(row, answer("last").to_json(), "last")
    marks.mark([Result(parcel.delivery, "webhook", "failed", error="too long")])
    again = take(row)
    assert again is not None
    assert again.outgoing.text == "last"
    marks.mark([Result(again.delivery, "webhook", "failed", error="too long")])
    assert take(row) is None


def test_an_edit_lives_as_long_as_an_answer(bot: Bot) -> None:
    row = put(bot, "notice")
    Delivery.objects.update(state="sent", platform_message_id="m1", expires_at=utcnow() - FAR)
    delivery.edit(row, {}, "new")
    row.refresh_from_db()
    assert row.state == "pending"
    assert row.expires_at is not None
    assert row.expires_at > utcnow()


class Plain(Webhook):
    """A platform that cannot change what it shows."""

    abilities = Abilities(edits=False, buttons=True)


def test_where_nothing_can_be_edited_only_the_row_changes(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.all_platforms(), "webhook", Plain())  # type: ignore[arg-type]
    row = put(bot)
    parcel = take(row)
    assert parcel is not None
    delivery.edit(row, {}, "while it is under way")
    marks.mark([Result(parcel.delivery, "webhook", "sent", "m1")])
    delivery.edit(row, {}, "after it")
    row.refresh_from_db()
    assert (row.state, row.text, row.revision) == ("sent", "after it", 2)


def test_what_is_sent_once_more_is_a_message_and_no_edit(bot: Bot) -> None:
    row = put(bot, "answer")
    first = take(row)
    assert first is not None
    assert not first.update
    marks.mark([Result(first.delivery, "webhook", "sent", "m1")])
    Delivery.objects.update(state="pending", attempts=0)  # as a replay does
    again = take(row)
    assert again is not None
    assert not again.update
    marks.mark([Result(again.delivery, "webhook", "sent", "m1")])
    delivery.edit(row, {}, "new")
    edited = take(row)
    assert edited is not None
    assert edited.update


def test_plain_answers_are_not_looked_at_for_edits(
    bot: Bot, django_assert_num_queries: Any
) -> None:
    plain, cards = put(bot, "answer", answer("pong")), put(bot, "answer")
    first, second = take(plain), take(cards)
    assert first is not None
    assert second is not None
    with django_assert_num_queries(4):  # savepoint, settle, audit, release
        marks.mark([Result(first.delivery, "webhook", "sent", "m1")])
    with django_assert_num_queries(5):
        marks.mark([Result(second.delivery, "webhook", "sent", "m2")])
