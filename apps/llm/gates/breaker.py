"""When a model gets a pause: what counts as a failure, and for how long it is left alone.

Closed, until half of at least ten calls in a minute fail; then open for a while; then half open:
one call goes as a probe, and its outcome closes or opens it again, each time for twice as long.
"""

from __future__ import annotations

from typing import Literal

Weight = Literal["", "ok", "failed", "broken"]

WINDOW_S, SLOT_S = 60, 10
LEAST_CALLS = 10
FAILED_SHARE = 0.5
PAUSE_S, LONGEST_PAUSE_S = 30.0, 600.0
#: A wrong key or an empty account does not mend itself in half a minute.
BROKEN_PAUSE_S = 300.0
#: While a probe is under way the others are told to look again after this.
PROBED_S = 5.0

_FAILURES = frozenset({"rate", "overloaded", "timeout", "network"})
_BROKEN = frozenset({"auth", "balance"})
_SAYS_NOTHING = frozenset({"", "cancelled", "limited", "over_budget"})


def weight(outcome: str) -> Weight:
    """What an outcome (`ok` or the code of an error) says about the model. What the vendor
    refused for its content or its form was answered all the same."""
    if outcome in _SAYS_NOTHING:
        return ""
    if outcome in _BROKEN:
        return "broken"
    return "failed" if outcome in _FAILURES else "ok"


def pause(times: int, of: Weight) -> float:
    """Seconds of the pause when it opens for the `times`-th time in a row."""
    first = BROKEN_PAUSE_S if of == "broken" else PAUSE_S
    return min(first * 2.0 ** min(times - 1, 10), LONGEST_PAUSE_S)
