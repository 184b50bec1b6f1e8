"""What the gate decides from its samples; pure, so that tests can hold it to account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measure import Row

ALLOWED = 0.2
#: By figure: the rows of ours and of the bare handler.
Samples = dict[str, dict[str, list[Row]]]


@dataclass(frozen=True)
class Gauge:
    """One ratio to the bare handler: of which figure, which column, and which way is better."""

    figure: str
    column: str
    more_is_better: bool = False


GAUGES: dict[str, Gauge] = {
    "CPU per /ping, 64 chats": Gauge("ping_64", "cpu_ms"),
    "CPU per /ping, 8 chats": Gauge("ping_8", "cpu_ms"),
    "CPU per acknowledgement": Gauge("acks", "cpu_ms"),
    "/ping per second, 64 chats": Gauge("ping_64", "per_s", more_is_better=True),
}


def ratios(samples: Samples) -> dict[str, float]:
    """Ours divided by the bare handler's, each by its best round: noise only makes rounds worse."""
    found = {}
    for name, gauge in GAUGES.items():
        rows = samples.get(gauge.figure)
        if rows:
            best = max if gauge.more_is_better else min
            ours, bare = (best(row[gauge.column] for row in rows[who]) for who in ("ours", "bare"))
            found[name] = ours / bare
    return found


def weakest(taken: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of several measurements the least flattering ratio each: what holds at a middling moment."""
    return {
        name: (min if GAUGES[name].more_is_better else max)(one[name] for one in taken)
        for name in taken[0]
    }


def worse(now: Mapping[str, float], accepted: Mapping[str, float]) -> list[str]:
    """What fell back by more than a fifth. A ratio that was accepted and is missing now, did."""
    failed = []
    for name, before in accepted.items():
        value = now.get(name)
        if value is None:
            failed.append(name)
        elif GAUGES[name].more_is_better:
            failed += [name] if value < before * (1 - ALLOWED) else []
        else:
            failed += [name] if value > before * (1 + ALLOWED) else []
    return failed
