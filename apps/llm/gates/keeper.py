"""Renews the leases of the slots that this process holds: one thread, while there are any.

A process that is killed renews nothing, so its slots are free again after `LEASE_S`. One that
stood still for longer than that has lost them, and finds out at its next heartbeat.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass

from django.db import connection

from apps.core.logging import get_logger
from apps.llm.gates import choice
from apps.llm.gates.shapes import Store, StoreDown

_log = get_logger(__name__)
LEASE_S = 15.0
BEAT_S = 4.0
#: A slot that nobody gave back so long after its call was to be over is kept no longer.
_FORGOTTEN_S = 30.0


@dataclass(slots=True)
class _Held:
    key: str
    ends: float
    renewed: float
    lost: bool = False


_lock = threading.Lock()
_held: dict[str, _Held] = {}
_thread: threading.Thread | None = None


def hold(key: str, ticket: str, deadline_s: float) -> None:
    """Keep a slot that was just granted."""
    global _thread
    now = time.monotonic()
    with _lock:
        _held[ticket] = _Held(key, now + deadline_s + _FORGOTTEN_S, now)
        if _thread is None:
            _thread = threading.Thread(target=_run, name="model-slots", daemon=True)
            _thread.start()


def drop(ticket: str) -> None:
    """Keep it no longer."""
    with _lock:
        _held.pop(ticket, None)


def is_lost(ticket: str) -> bool:
    """Did its lease run out while it was kept?"""
    found = _held.get(ticket)
    return found is not None and found.lost


def renew_all(store: Store) -> None:
    """Renew what is held, at this store. Raises `StoreDown`."""
    now = time.monotonic()
    with _lock:
        keys = {one.key for one in _held.values()}
    for key in keys:
        with _lock:
            mine = {
                ticket: one for ticket, one in _held.items()
                if one.key == key and not one.lost and now < one.ends
            }  # fmt: skip
        # What the store forgot is ours all the same while our own clock says that the lease lasts.
        tickets = {ticket: now - one.renewed < LEASE_S for ticket, one in mine.items()}
        lost = set(store.renew(key, tickets, LEASE_S)) if tickets else set()
        for ticket, one in mine.items():
            one.lost = ticket in lost
            one.renewed = one.renewed if one.lost else now
        if lost:
            _log.warning("model_slots.lost", count=len(lost), store=store.name)
        _drop_released(store, key, mine)


def _drop_released(store: Store, key: str, renewed: dict[str, _Held]) -> None:
    """Give back what was released while it was being renewed, lest it be taken up again."""
    with _lock:
        gone = [ticket for ticket in renewed if ticket not in _held]
    for ticket in gone:
        store.leave(key, ticket)


def _run() -> None:
    global _thread
    while True:
        time.sleep(BEAT_S)
        try:
            choice.ask(renew_all)
        except StoreDown as error:
            _log.warning("model_slots.not_renewed", error=str(error)[:200])
        finally:
            connection.close()
        with _lock:
            if not _held:
                _thread = None
                return


def _forget() -> None:
    """A child holds nothing."""
    global _lock, _thread
    _lock, _thread = threading.Lock(), None
    _held.clear()


os.register_at_fork(after_in_child=_forget)
choice.on_change.append(renew_all)
