"""A platform that says "later" is left alone, and tried again with one message at first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.assistant.models import Conversation
from apps.audit.log import Actor
from apps.core import work
from apps.core.clock import utcnow
from apps.core.line import START
from apps.im import bots, delivery, marks, pacing
from apps.im.models import Bot, Delivery
from apps.im.pacing import Pacing
from apps.im.transport import Result

SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA=="
BOT = 7


class Clock:
    """A monotonic clock that goes when it is told to."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(pacing, "time", found)
    return found


def test_nobody_is_limited_who_was_not_refused(clock: Clock) -> None:
    pace = Pacing()
    pace.went_through(BOT)
    assert (pace.limited(), pace.open(), pace.waits(BOT)) == ([], {}, 0)


def test_after_a_refusal_nothing_goes_out_until_its_time_then_one(clock: Clock) -> None:
    pace = Pacing()
    pace.refused(BOT, 2)
    assert (pace.limited(), pace.open(), pace.waits(BOT)) == ([BOT], {}, 2)
    clock.now += 2.1
    assert (pace.limited(), pace.open(), pace.waits(BOT)) == ([BOT], {BOT: 1}, 0)
    pace.claimed(BOT, 1)
    assert pace.open() == {}


def test_what_is_taken_opens_the_way_and_a_refusal_closes_it(clock: Clock) -> None:
    pace = Pacing()
    pace.refused(BOT, 2)
    clock.now += 3
    for count in (1, 2):
        assert pace.open() == {BOT: count}
        pace.claimed(BOT, 1)
        pace.went_through(BOT)
    pace.refused(BOT, 2)
    assert pace.open() == {}
    clock.now += 3
    for _ in range(6):
        pace.claimed(BOT, 1)
        pace.went_through(BOT)
    assert pace.limited() == []


def test_a_call_from_before_the_refusal_says_nothing(clock: Clock) -> None:
    pace = Pacing()
    pace.refused(BOT, 2)
    pace.went_through(BOT)
    clock.now += 3
    assert pace.open() == {BOT: 1}


def test_what_could_not_be_tried_holds_nothing_up_for_ever(clock: Clock) -> None:
    pace = Pacing()
    pace.refused(BOT, 2)
    clock.now += 3
    pace.claimed(BOT, 1)
    assert pace.open() == {}
    clock.now += 41
    assert pace.open() == {BOT: 1}


def far() -> object:
    """What the sweeper does."""
    return delivery.send_far(utcnow(), START, 400)


@pytest.mark.django_db
@pytest.mark.parametrize("way", [delivery.send_due, far, lambda: delivery.send_in([1])])
def test_what_waits_with_its_bot_is_not_claimed_and_others_are(
    way: Callable[[], object], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted: list[Delivery] = []
    monkeypatch.setattr(delivery.sender, "submit", submitted.extend)
    pace = Pacing()
    monkeypatch.setattr(delivery, "pacing", pace)
    given = {"secret": SECRET, "reply_url": "http://127.0.0.1:9/"}
    slow, free = (bots.add_bot("webhook", s, given, Actor.system("test")) for s in ("a", "b"))
    pace.refused(slow.pk, 2)
    rows = [_row(bot, n) for n in range(3) for bot in (slow, free)]
    taken = delivery.create(rows[:2], take=True)
    assert [row.bot_id for row in taken] == [free.pk]
    delivery.create(rows[2:], take=False)
    delivery.send_due()
    assert {row.bot_id for row in submitted} == {free.pk}
    submitted.clear()
    clock.now += 3
    way()
    assert [(row.bot_id, row.attempts) for row in submitted] == [(slow.pk, 1)]
    way()
    assert len(submitted) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("delay_s", "overtaken"), [(0.0, True), (2.0, False)])
def test_who_was_only_asked_to_wait_is_not_overtaken(
    delay_s: float, overtaken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted: list[Delivery] = []
    monkeypatch.setattr(delivery.sender, "submit", submitted.extend)
    given = {"secret": SECRET, "reply_url": "http://127.0.0.1:9/"}
    bot = bots.add_bot("webhook", "a", given, Actor.system("test"))
    chat = Conversation.objects.create(bot=bot, chat_id="c")
    first, second = (_row(bot, 0) for _ in range(2))
    first.conversation = second.conversation = chat
    delivery.create([first, second], take=False)
    for _ in range(delivery.PATIENT_ATTEMPTS):
        Delivery.objects.filter(pk=first.pk).update(not_before=utcnow())
        (tried,) = work.claim(delivery.due(utcnow()).filter(pk=first.pk), 1)
        marks.mark([Result(tried, "webhook", "later", error="no", delay_s=delay_s)])
    Delivery.objects.filter(pk=first.pk).update(not_before=utcnow() + timedelta(hours=1))
    delivery.send_due()
    assert [row.pk for row in submitted] == ([second.pk] if overtaken else [])


@pytest.mark.django_db
def test_what_may_have_been_shown_stays_so_when_the_platform_asks_for_time() -> None:
    given = {"secret": SECRET, "reply_url": "http://127.0.0.1:9/"}
    row = _row(bots.add_bot("webhook", "a", given, Actor.system("test")), 0)
    delivery.create([row], take=False)
    for kind, delay_s in (("unknown", 0.0), ("later", 2.0)):
        Delivery.objects.update(not_before=utcnow())
        (tried,) = work.claim(delivery.due(utcnow()), 1)
        marks.mark([Result(tried, "webhook", kind, error="no", delay_s=delay_s)])  # type: ignore[arg-type]
    row.refresh_from_db()
    assert (row.state, row.last_outcome) == ("pending", "unknown")


def _row(bot: Bot, number: int) -> Delivery:
    chat = f"c{number}"
    return Delivery(bot=bot, role="notice", chat_id=chat, text="hi", not_before=timezone.now())
