"""What one attempt of a delivery has done so far: kept also when its time runs out in the middle.

An adapter whose platform knows no repeats notes each piece that was taken; the next attempt finds
it in `Outgoing.context`, beside what a `DeliveryError` holds in `done`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from apps.im.errors import DeliveryError

Step = TypeVar("Step")
_PIECES = "pieces"

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


def shown(context: Mapping[str, Any]) -> int:
    """How many of the pieces earlier attempts have shown, by `Outgoing.context`."""
    return int(context.get(_PIECES) or 0)


async def go_on(
    context: Mapping[str, Any], steps: Sequence[Step], post: Callable[[Step], Awaitable[object]]
) -> None:
    """Post the steps that no earlier attempt has shown, and note each that was taken.

    Raises what `post` raises, with what is shown in `DeliveryError.done`.
    """
    first = shown(context)
    for number, step in enumerate(steps[first:], start=first):
        try:
            await post(step)
        except DeliveryError as error:
            error.done = {_PIECES: number}
            raise
        note({_PIECES: number + 1})
