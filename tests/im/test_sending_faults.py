"""One delivery that cannot be sent or marked holds up no other, and nothing holds one for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import IntegrityError, connection

from apps.audit.log import Actor
from apps.core import work
from apps.core.clock import utcnow
from apps.im import bots, delivery, marks, transport
from apps.im.cards import Card
from apps.im.models import Bot, Delivery
from apps.im.sender import Sender
from apps.im.transport import Result

SYSTEM = Actor.system("test")
SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA=="
pytestmark = pytest.mark.django_db


@pytest.fixture
def bot(db: None) -> Bot:
    """A bot of one's own system."""
    given = {"secret": SECRET, "reply_url": "http://127.0.0.1:9/"}
    return bots.add_bot("webhook", "hook", given, SYSTEM)


def leased(bot: Bot, count: int) -> list[Delivery]:
    """Deliveries that this process is to send now."""
    now = utcnow()
    rows = [
        Delivery(bot=bot, role="notice", chat_id=f"c{n}", text="hi", not_before=now)
        for n in range(count)
    ]
    delivery.create(rows, take=False)
    return work.claim(delivery.due(now), count)


def test_what_is_no_card_is_sent_as_text(bot: Bot) -> None:
    bad, good = leased(bot, 2)
    bad.card = {"color": "no such color"}
    parcels, unfit = marks.prepare([bad, good])
    assert [p.delivery.pk for p in parcels] == [bad.pk, good.pk]
    assert (parcels[0].outgoing.card, parcels[0].outgoing.text) == (Card(), "hi")
    assert not unfit


def test_a_bot_whose_settings_break_holds_up_no_other(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = leased(bot, 2)
    real = marks._parcel

    def parcel(row: Delivery, owner: Bot) -> transport.Parcel:
        if row.pk == bad.pk:
            raise KeyError("app_id")
        return real(row, owner)

    monkeypatch.setattr(marks, "_parcel", parcel)
    parcels, unfit = marks.prepare([bad, good])
    assert [p.delivery.pk for p in parcels] == [good.pk]
    assert [r.delivery.pk for r in unfit] == [bad.pk]


def test_a_bot_that_was_removed_meanwhile_holds_up_no_other(bot: Bot) -> None:
    gone, good = leased(bot, 2)
    gone.bot_id = bot.pk + 1
    parcels, unfit = marks.prepare([gone, good])
    assert [p.delivery.pk for p in parcels] == [good.pk]
    assert [r.delivery.pk for r in unfit] == [gone.pk]


def test_a_result_that_the_database_refuses_loses_no_other(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = leased(bot, 2)
    real = marks.mark

    def refusing(results: Sequence[Result]) -> set[int]:
        if any(result.delivery.pk == bad.pk for result in results):
            raise IntegrityError("refused")
        return real(results)

    monkeypatch.setattr(marks, "mark", refusing)
    monkeypatch.setattr(marks.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(connection, "close", lambda: None)
    marks.mark_patiently([Result(row, "webhook", "sent") for row in (bad, good)])
    assert Delivery.objects.get(pk=good.pk).state == "sent"


def test_the_marking_thread_outlives_whatever_breaks_after_it() -> None:
    def broken(conversations: set[int]) -> None:
        raise ValueError("a fault of ours")

    one = Sender()
    one.when_marked = broken
    one._look_for_more({1})


async def test_a_call_that_never_ends_is_ended_within_the_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Silent:
        name = "webhook"

        async def send(self, *args: Any) -> None:
            await asyncio.sleep(3600)

    assert transport.LONGEST_S < work.LEASE_SECONDS / 2
    monkeypatch.setattr(transport, "LONGEST_S", 0.05)
    parcel = transport.Parcel(Delivery(), Silent(), None, None, update=False)  # type: ignore[arg-type]
    async with asyncio.timeout(5):
        result = await transport.transmit(parcel)
    assert result.kind == "unknown"
