"""What one attempt of a delivery has done so far: kept also when its time runs out in the middle.

An adapter whose platform knows no repeats notes each piece that was taken; the next attempt finds
it in `Outgoing.context`, beside what a `DeliveryError` holds in `done`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_done: ContextVar[dict[str, Any] | None] = ContextVar("done", default=None)


@contextmanager
def begun() -> Iterator[dict[str, Any]]:
    """One attempt; what is noted within the block lies in the dict."""
    done: dict[str, Any] = {}
    token = _done.set(done)
    try:
        yield done
    finally:
        _done.reset(token)


def note(done: dict[str, Any]) -> None:
    """So much is certainly done. Nothing outside of an attempt."""
    kept = _done.get()
    if kept is not None:
        kept.update(done)
