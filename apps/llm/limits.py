"""Limits of a model that all workers share: calls per second, calls at once, and a breaker.

Whoever calls a model takes a slot first and gives it back with how the call went:

    slot = limits.admit(row, deadline_s=60)
    try: …; slot.release("ok")
    except ModelError as error: slot.release(error.code)

A slot is leased and its lease is renewed while it is held, so that a killed holder's slot comes
back by itself. Nobody who waits is overtaken. `try_admit` never waits itself, so that an event loop
can do the waiting; it blocks for one short turn of the store.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from apps.core import metrics
from apps.core.i18n import Text, both
from apps.core.logging import get_logger
from apps.llm import policy
from apps.llm.gates import choice, keeper
from apps.llm.gates.shapes import Entry, Look, Rules, StoreDown
from apps.llm.limit_errors import Limited
from apps.llm.models import LanguageModel

_log = get_logger(__name__)
#: So long somebody waits in line before being sent away, unless told otherwise.
PATIENCE_S = 2.0

_QPS = both("模型 {model} 每秒最多 {qps} 次调用", "The model {model} takes {qps} calls a second")
_IN_FLIGHT = both(
    "模型 {model} 同时最多 {places} 个调用，现在已满",
    "The model {model} takes {places} calls at once, and so many are under way",
)
_BREAKER = both(
    "模型 {model} 刚才连续出错，已暂停调用", "The model {model} failed too often and has a pause"
)
_DOWN = both(
    "无法核对模型 {model} 的限额（存储不可用）",
    "The limits of the model {model} cannot be looked up (their store is down)",
)
_DOWN_PAUSE_S = 5.0

#: Called with a model's uid and an outcome when that opened its breaker, once until it closes.
on_pause: list[Callable[[str, str], None]] = []


@dataclass(frozen=True, slots=True)
class Wait:
    """Come again in `seconds`, with this; `what` is the limit that was met."""

    seconds: float
    what: Text
    ticket: str
    since: float


class Slot:
    """Leave to call a model. Usable as a context: then it is released when the block ends."""

    __slots__ = ("_key", "_released", "ticket")

    def __init__(self, key: str, ticket: str) -> None:
        self._key = key
        self._released = False
        self.ticket = ticket

    @property
    def lost(self) -> bool:
        """Did its lease run out, so that somebody else may have it now?"""
        return keeper.is_lost(self.ticket)

    def release(self, outcome: str = "") -> None:
        """Give it back, once, with `ok`, the code of a `ModelError`, or "" for what says nothing
        about the model (cancelled). Never raises; blocks shortly."""
        if self._released:
            return
        self._released = True
        keeper.drop(self.ticket)
        _told(self._key, self.ticket, outcome)

    def __enter__(self) -> Slot:
        return self

    def __exit__(self, *failure: object) -> None:
        self.release()


def try_admit(
    row: LanguageModel,
    deadline_s: float,
    wait: Wait | None = None,
    patience_s: float = PATIENCE_S,
) -> Slot | Wait:
    """Ask for a slot now. `wait` is what the last try returned, which keeps the place in line.

    `deadline_s` is when the call will be over at the latest. Raises `Limited`. Blocks for one
    short turn of the store.
    """
    wait = wait or Wait(0.0, _BREAKER, secrets.token_hex(8), time.monotonic())
    left = patience_s - (time.monotonic() - wait.since)
    rules = Rules(row.qps or None, row.in_flight or None)
    key = str(row.uid)
    try:
        entry = choice.ask(
            lambda store: store.enter(key, rules, wait.ticket, keeper.LEASE_S, max(left, 0.0))
        )
    except StoreDown:
        entry = _without_store()
    if entry.reason is None:
        keeper.hold(key, wait.ticket, deadline_s)
        return Slot(key, wait.ticket)
    what = _what(entry, row)
    if not entry.waits or left <= 0:
        if entry.waits:
            _told(key, wait.ticket, "")
        metrics.count("clawdbot_model_limited_total", model=row.name, reason=entry.reason)
        raise Limited(what, _ends_in(entry, deadline_s), model=row.name)
    return Wait(min(entry.seconds, left), what, wait.ticket, wait.since)


def leave(row: LanguageModel, wait: Wait) -> None:
    """Give a place in line up. Never raises."""
    _told(str(row.uid), wait.ticket, "")


def admit(row: LanguageModel, deadline_s: float, patience_s: float = PATIENCE_S) -> Slot:
    """Wait for a slot, for `patience_s` at most; for synchronous code. Raises `Limited`."""
    found = try_admit(row, deadline_s, None, patience_s)
    while isinstance(found, Wait):
        time.sleep(found.seconds)
        found = try_admit(row, deadline_s, found, patience_s)
    return found


def report(row: LanguageModel, outcome: str) -> None:
    """Tell the breaker how a call went that had no slot (a check by an administrator)."""
    _told(str(row.uid), "", outcome)


def look(row: LanguageModel) -> Look:
    """What the model's gate is like now. Raises `StoreDown`."""
    return choice.ask(lambda store: store.look(str(row.uid)))


def reset(row: LanguageModel) -> None:
    """Close the breaker, as after a new key or a topped-up account. Never raises."""
    with contextlib.suppress(StoreDown):
        choice.ask(lambda store: store.reset(str(row.uid)))


def _told(key: str, ticket: str, outcome: str) -> None:
    """Give back what the ticket has, and count the outcome; what cannot be told lapses."""
    try:
        opened = choice.ask(lambda store: store.leave(key, ticket, outcome))
    except StoreDown as error:
        _log.warning("model_gate.not_told", key=key, error=str(error)[:200])
        return
    if opened:
        _log.error("model_gate.opened", key=key, outcome=outcome)
        for tell in on_pause:
            _tell(tell, key, outcome)


def _tell(tell: Callable[[str, str], None], key: str, outcome: str) -> None:
    try:
        tell(key, outcome)
    except Exception:  # noqa: BLE001 - a slot is given back whoever cannot be told
        _log.exception("model_gate.pause_not_told", key=key)


def _without_store() -> Entry:
    if policy.limits_when_down() == "allow":
        metrics.count("clawdbot_limits_bypassed_total")
        return Entry()
    return Entry("down", _DOWN_PAUSE_S)


def _what(entry: Entry, row: LanguageModel) -> Text:
    """The limit that was met, in words."""
    said = {"qps": _QPS, "in_flight": _IN_FLIGHT, "breaker": _BREAKER, "down": _DOWN}
    text = said[entry.reason or "down"]
    return text.format(model=row.name, qps=f"{row.qps or 0:g}", places=row.in_flight)


def _ends_in(entry: Entry, deadline_s: float) -> float:
    """Seconds until a call may go. Of calls under way nobody knows more than that each is over by
    its deadline."""
    return deadline_s if entry.reason == "in_flight" else max(entry.seconds, 1.0)
