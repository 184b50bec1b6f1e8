"""What Prometheus is told: counts of all processes summed in Redis, and the host's state.

``count`` and ``observe`` only touch a dictionary; a thread sends it on each second, in batches
that are applied exactly once. Figures that the database knows better (what waits, how old) are
asked for at scrape time by the functions given to ``register_collector``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from apps.core import host, tally
from apps.core.logging import get_logger
from apps.core.metric_names import (
    COUNTERS,
    GAUGES,
    HISTOGRAMS,
    CounterName,
    HistogramName,
    Spec,
)

MAX_SERIES = 500
MAX_LABEL_LENGTH = 80

_SEPARATOR = "\x1f"
_OTHER = "other"
_log = get_logger(__name__)


class Sample(NamedTuple):
    """One value of a gauge at scrape time; ``name`` is one of ``metric_names.GAUGES``."""

    name: str
    value: float
    labels: dict[str, str] = {}  # noqa: RUF012 - never changed, a NamedTuple has no factories


Collector = Callable[[], Iterable[Sample]]
Part = tuple[list[str], int]


def count(name: CounterName, amount: int = 1, /, **labels: str) -> None:
    """Add ``amount`` to a counter. Never waits, never fails because of Redis.

    Raises ``ValueError`` for labels that the counter does not have (a mistake in the code).
    """
    tally.add({_field(name, COUNTERS[name].labels, labels): amount})


def observe(name: HistogramName, seconds: float, /, **labels: str) -> None:
    """Add one duration to a histogram; the same promises as ``count``."""
    spec = HISTOGRAMS[name]
    field = _field(name, spec.labels, labels)
    bound = next((bound for bound in spec.buckets if seconds <= bound), math.inf)
    sums = {
        f"{field}{_SEPARATOR}le{_SEPARATOR}{bound}": 1,
        f"{field}{_SEPARATOR}us{_SEPARATOR}": round(max(seconds, 0.0) * 1_000_000),
    }
    tally.add(sums)


def register_collector(collect: Collector) -> Collector:
    """Have ``collect`` called at each scrape; usable as a decorator. One that fails is left out."""
    if collect not in _collectors:
        _collectors.append(collect)
    return collect


def flush() -> bool:
    """Send what this process has counted now; False when Redis could not take it (it is kept)."""
    return tally.flush()


def render() -> bytes:
    """Return the text format of Prometheus; without Redis, what this process has not yet sent."""
    registry = CollectorRegistry()
    registry.register(_Shared())
    return generate_latest(registry)


_collectors: list[Collector] = []
_series: dict[str, set[str]] = {}


def _field(name: str, expected: tuple[str, ...], labels: dict[str, str]) -> str:
    if labels.keys() != set(expected):
        raise ValueError(f"{name} has the labels {expected}, not {tuple(labels)}")
    values = [_clean(str(labels[label])) for label in expected]
    field = _SEPARATOR.join((name, *values))
    known = _series.setdefault(name, set())
    if field not in known:
        if len(known) >= MAX_SERIES:
            return _SEPARATOR.join((name, *(_OTHER for _ in expected)))
        known.add(field)
    return field


def _clean(value: str) -> str:
    return value.replace(_SEPARATOR, " ")[:MAX_LABEL_LENGTH]


class _Shared:
    """Turns the sums and the collectors' samples into metric families at each scrape."""

    def collect(self) -> Iterable[Metric]:
        parts: dict[str, list[Part]] = {}
        for field, value in sorted(tally.sums().items()):
            name, *labels = field.split(_SEPARATOR)
            parts.setdefault(name, []).append((labels, value))
        for counter, spec in COUNTERS.items():
            yield _counter(counter, spec, parts.get(counter, []))
        for histogram, spec in HISTOGRAMS.items():
            yield _histogram(histogram, spec, parts.get(histogram, []))
        yield from _gauges()


def _counter(name: str, spec: Spec, parts: list[Part]) -> Metric:
    family = CounterMetricFamily(name, spec.help, labels=spec.labels)
    for labels, value in parts:
        # What an older version stored under other labels is left out.
        if len(labels) == len(spec.labels):
            family.add_metric(labels, value)
    return family


def _histogram(name: str, spec: Spec, parts: list[Part]) -> Metric:
    family = HistogramMetricFamily(name, spec.help, labels=spec.labels)
    series: dict[tuple[str, ...], tuple[dict[float, int], list[int]]] = {}
    for labels, value in parts:
        if len(labels) != len(spec.labels) + 2:
            continue
        *values, kind, bound = labels
        buckets, micros = series.setdefault(tuple(values), ({}, []))
        if kind == "us":
            micros.append(value)
        else:
            buckets[float(bound)] = value
    for key, (buckets, micros) in series.items():
        # Bounds that an older version stored are counted at the next greater one of today.
        cumulated = [
            (_bound(bound), sum(n for le, n in buckets.items() if le <= bound))
            for bound in (*spec.buckets, math.inf)
        ]
        family.add_metric(key, cumulated, sum(micros) / 1_000_000)
    return family


def _bound(bound: float) -> str:
    return "+Inf" if bound == math.inf else str(bound)


def _gauges() -> Iterable[Metric]:
    samples = [sample for collect in (_host, *_collectors) for sample in _asked(collect)]
    for name, spec in GAUGES.items():
        gauge = GaugeMetricFamily(name, spec.help, labels=spec.labels)
        for sample in samples:
            if sample.name == name:
                gauge.add_metric([sample.labels[label] for label in spec.labels], sample.value)
        yield gauge


def _host() -> Iterable[Sample]:
    return (Sample(name, value) for name, value in host.figures().items())


def _asked(collect: Collector) -> list[Sample]:
    try:
        samples = list(collect())
        for sample in samples:
            if sample.labels.keys() != set(GAUGES[sample.name].labels):
                raise ValueError(f"{sample.name} has other labels")
    except Exception:  # noqa: BLE001 - one broken collector must not blind the whole monitoring
        _log.exception("a metrics collector failed", collector=collect.__qualname__)
        return []
    return samples
