"""A platform's own limits are kept before it has to say so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.im import manners
from apps.im.manners import Manners


class Clock:
    """A monotonic clock that goes when it is told to."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(manners, "time", found)
    return found


def test_without_rates_nobody_waits(clock: Clock) -> None:
    mine = Manners()
    assert {mine.take((("chat", 1), ())) for _ in range(100)} == {0.0}


def test_the_tightest_rate_counts(clock: Clock) -> None:
    mine = Manners()
    rates = ((1, 1.0), (3, 60.0))
    assert [mine.take((("chat", "a"), rates)) for _ in range(4)] == [0, 1, 2, 60]
    assert mine.take((("chat", "b"), rates)) == 0


def test_a_bot_has_one_limit_for_all_its_chats(clock: Clock) -> None:
    mine = Manners()
    bot = ("bot", 1), ((2, 1.0),)
    assert [mine.take(bot, ((("chat", n), ((1, 1.0),)))) for n in range(3)] == [0, 0, 1]


def test_what_is_quiet_is_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manners, "MOST_KEPT", 3)
    mine = Manners()
    for number in range(10):
        clock.now += 5
        mine.take((("chat", number), ((1, 1.0),)))
    assert len(mine._windows) <= 3


@given(
    steps=st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=80),
    count=st.integers(1, 5),
    seconds=st.floats(0.1, 10),
)
def test_no_window_ever_holds_more_than_its_rate(
    steps: list[float], count: int, seconds: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(manners, "time", clock)
        mine, calls = Manners(), []
        for step in steps:
            clock.now += step
            calls.append(clock.now + mine.take((("chat", 1), ((count, seconds),))))
    assert calls == sorted(calls)
    for first, last in zip(calls, calls[count:], strict=False):
        assert last - first >= seconds - 1e-6


def test_a_place_that_nobody_waits_for_is_not_taken(clock: Clock) -> None:
    """Whoever is told to come again takes a place then, and must find one."""
    mine, start = Manners(), clock.now
    waiting, sent = dict.fromkeys(range(1000), clock.now), []
    while waiting and clock.now < start + 600:
        for name, due in list(waiting.items()):
            if due > clock.now:
                continue
            wait = mine.take((("bot", 1), ((300, 60.0),)), most=6)
            if wait > 6:
                waiting[name] = clock.now + wait
            else:
                del waiting[name]
                sent.append(clock.now + wait)
        clock.now += 1
    assert not waiting
    assert max(sent) - start < 200
