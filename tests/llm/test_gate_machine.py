"""A gate over any length of time, by a clock that the test moves."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from apps.llm.gates import breaker, machine
from apps.llm.gates.machine import Gate
from apps.llm.gates.shapes import Rules

NOW = 1_764_000_000.0
gaps = st.floats(0, 3, allow_nan=False)
rates = st.floats(0.05, 200, allow_nan=False)


@given(rates, st.lists(gaps, min_size=1, max_size=80))
def test_never_more_than_rate_times_time_and_the_burst(rate: float, pauses: list[float]) -> None:
    gate, rules, now = Gate(), Rules(qps=rate), NOW
    granted: list[float] = []
    for number, pause in enumerate(pauses):
        now += pause
        if machine.enter(gate, rules, f"t{number}", 0.001, 0.0, now).reason is None:
            granted.append(now)
    for first, start in enumerate(granted):
        for count, end in enumerate(granted[first:], start=1):
            assert count <= rate * (end - start) + rules.burst + 1e-3


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 9), gaps), max_size=80))
def test_never_more_at_once(places: int, turns: list[tuple[int, float]]) -> None:
    gate, rules, now, lease = Gate(), Rules(in_flight=places), NOW, 5.0
    inside: dict[str, float] = {}
    for who, pause in turns:
        now += pause
        inside = {ticket: until for ticket, until in inside.items() if until > now}
        ticket = f"t{who}"
        if ticket in inside:
            machine.leave(gate, ticket, "ok", now)
            del inside[ticket]
        elif machine.enter(gate, rules, ticket, lease, 0.0, now).reason is None:
            inside[ticket] = now + lease
        assert len(inside) <= places


@given(st.integers(2, 30), st.floats(0.5, 50, allow_nan=False))
def test_who_waits_is_served_in_order(waiting: int, rate: float) -> None:
    """Each comes back when it was told to, and newcomers come all the time."""
    gate, rules, now = Gate(), Rules(qps=rate), NOW
    while machine.enter(gate, rules, "first", 1, 0, now).reason is None:
        pass
    back = {f"w{n}": now for n in range(waiting)}
    served: list[str] = []
    newcomer = 0
    while back:
        ticket = min(back, key=lambda one: (back[one], int(one[1:])))
        now = max(now, back[ticket])
        newcomer += 1
        assert machine.enter(gate, rules, f"n{newcomer}", 1, 0, now).reason or not gate.line
        entry = machine.enter(gate, rules, ticket, 1, 10_000, now)
        if entry.reason is None:
            served.append(ticket)
            del back[ticket]
        else:
            back[ticket] = now + entry.seconds
    assert served == [f"w{n}" for n in range(waiting)]


def test_the_document_keeps_the_order_of_the_line() -> None:
    gate, rules = Gate(), Rules(in_flight=1)
    for ticket in ("z", "yy", "a", "bbb"):
        machine.enter(gate, rules, ticket, 10, 10, NOW)
    kept = machine.Gate.of(gate.document())
    assert list(kept.line) == ["yy", "a", "bbb"]
    assert kept == gate


def test_a_clock_that_runs_back_grants_nothing() -> None:
    gate, rules = Gate(), Rules(qps=1)
    assert machine.enter(gate, rules, "a", 1, 0, NOW).reason is None
    assert machine.enter(gate, rules, "b", 1, 0, NOW - 3600).reason == "qps"
    assert machine.enter(gate, rules, "c", 1, 0, NOW + 0.5).reason == "qps"
    assert machine.enter(gate, rules, "d", 1, 0, NOW + 1).reason is None


def test_who_does_not_come_back_loses_its_place_in_line() -> None:
    gate, rules = Gate(), Rules(in_flight=1)
    machine.enter(gate, rules, "holder", 100, 10, NOW)
    gone = machine.enter(gate, rules, "gone", 100, 10, NOW)
    behind = machine.enter(gate, rules, "behind", 100, 10, NOW)
    assert gone.waits
    assert behind.waits
    machine.leave(gate, "holder", "ok", NOW)
    assert machine.enter(gate, rules, "behind", 100, 10, NOW + 0.1).waits
    later = NOW + gone.seconds + machine.GRACE_S + 0.1
    assert machine.enter(gate, rules, "behind", 100, 10, later).reason is None


def call(gate: Gate, outcome: str, now: float) -> bool:
    """A call from beginning to end; True when it opened the breaker."""
    assert machine.enter(gate, Rules(), "call", 10, 0, now).reason is None
    return machine.leave(gate, "call", outcome, now)


def test_half_of_ten_failures_open_it_and_probes_decide() -> None:
    gate = Gate()
    opened = [call(gate, outcome, NOW) for outcome in ("ok", "timeout") * 5]
    assert opened == [False] * 9 + [True]
    shut = machine.enter(gate, Rules(), "x", 10, 5, NOW + 1)
    assert (shut.reason, shut.waits, math.ceil(shut.seconds)) == ("breaker", False, 29)

    later = NOW + breaker.PAUSE_S + 1
    assert machine.look(gate, later).breaker == "half_open"
    assert machine.enter(gate, Rules(), "probe", 10, 0, later).reason is None
    assert machine.enter(gate, Rules(), "other", 10, 0, later).reason == "breaker"
    machine.leave(gate, "late", "ok", later)  # of before: it says nothing about now
    assert not machine.leave(gate, "probe", "network", later)  # nobody is told again
    assert machine.look(gate, later).opens_in == 2 * breaker.PAUSE_S

    later += 2 * breaker.PAUSE_S + 1
    assert machine.enter(gate, Rules(), "probe", 10, 0, later).reason is None
    assert not machine.leave(gate, "probe", "ok", later)
    assert machine.look(gate, later).breaker == "closed"


def test_a_probe_that_was_killed_or_cancelled_makes_room_for_another() -> None:
    gate = Gate()
    call(gate, "balance", NOW)
    later = NOW + breaker.BROKEN_PAUSE_S + 1
    assert machine.enter(gate, Rules(), "killed", 10, 0, later).reason is None
    assert machine.enter(gate, Rules(), "next", 10, 0, later + 9).reason == "breaker"
    assert machine.enter(gate, Rules(), "next", 10, 0, later + 11).reason is None
    machine.leave(gate, "next", "cancelled", later + 11)
    assert machine.enter(gate, Rules(), "third", 10, 0, later + 11).reason is None


def test_a_wrong_key_and_an_empty_account_open_it_at_once() -> None:
    for outcome in ("auth", "balance"):
        gate = Gate()
        assert call(gate, outcome, NOW)
        assert machine.look(gate, NOW).reason == outcome


def test_what_the_vendor_refused_for_its_content_is_no_failure() -> None:
    gate = Gate()
    for outcome in ("content_in", "too_long", "bad_request") * 10:
        assert not call(gate, outcome, NOW)


def test_failures_of_more_than_a_minute_ago_are_forgotten() -> None:
    gate = Gate()
    for _ in range(9):
        call(gate, "timeout", NOW)
    assert not call(gate, "timeout", NOW + breaker.WINDOW_S + 1)
