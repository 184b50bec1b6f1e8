"""Every metric by name, with its help and labels: the list that dashboards and alerts rely on."""

from __future__ import annotations

from typing import Literal, NamedTuple

CounterName = Literal[
    "clawdbot_messages_total",
    "clawdbot_webhook_rejections_total",
    "clawdbot_jobs_total",
    "clawdbot_deliveries_total",
    "clawdbot_model_calls_total",
    "clawdbot_model_tokens_total",
    "clawdbot_model_limited_total",
    "clawdbot_limits_bypassed_total",
]
HistogramName = Literal[
    "clawdbot_job_duration_seconds",
    "clawdbot_reply_seconds",
    "clawdbot_model_call_duration_seconds",
]


class Spec(NamedTuple):
    """Help text, label names and, for histograms, upper bounds in seconds."""

    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_QUICK = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_LONG = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)

COUNTERS: dict[CounterName, Spec] = {
    "clawdbot_messages_total": Spec("Messages by final state", ("platform", "outcome")),
    "clawdbot_webhook_rejections_total": Spec(
        "Webhook requests that were not accepted", ("platform", "reason")
    ),
    "clawdbot_jobs_total": Spec("Jobs by final state", ("skill", "outcome")),
    "clawdbot_deliveries_total": Spec("Deliveries by final state", ("platform", "outcome")),
    "clawdbot_model_calls_total": Spec("Calls of language models", ("model", "outcome")),
    "clawdbot_model_tokens_total": Spec("Tokens of language models", ("model", "direction")),
    "clawdbot_model_limited_total": Spec(
        "Model calls that were sent away by a limit", ("model", "reason")
    ),
    "clawdbot_limits_bypassed_total": Spec("Limits not looked up because their store was away"),
}

HISTOGRAMS: dict[HistogramName, Spec] = {
    "clawdbot_job_duration_seconds": Spec("Running time of jobs", ("skill",), _LONG),
    "clawdbot_reply_seconds": Spec(
        "Time from accepting a message to delivering its answer", ("platform",), _QUICK
    ),
    "clawdbot_model_call_duration_seconds": Spec("Duration of model calls", ("model",), _QUICK),
}

GAUGES: dict[str, Spec] = {
    "clawdbot_waiting": Spec("Rows that are due and wait for a worker", ("lane",)),
    "clawdbot_oldest_waiting_seconds": Spec("Age of the oldest due row", ("lane",)),
    "clawdbot_schedule_lag_seconds": Spec("How late the oldest due schedule is"),
    "clawdbot_model_in_flight": Spec("Calls of a model that are under way", ("model",)),
    "clawdbot_model_waiting": Spec("Calls that wait in line for a model", ("model",)),
    "clawdbot_model_breaker_open": Spec(
        "1 while a model has a pause or is being tried again", ("model",)
    ),
    "clawdbot_canary_age_seconds": Spec("Seconds since the last canary came through the queue"),
    "clawdbot_host_cpu_ratio": Spec("Busy share of all processors since the last scrape"),
    "clawdbot_host_load1": Spec("Load average of one minute"),
    "clawdbot_host_memory_used_bytes": Spec("Memory that is not available to new programs"),
    "clawdbot_host_memory_total_bytes": Spec("Memory of the host"),
    "clawdbot_host_disk_used_bytes": Spec("Used space of the disk of the data folder"),
    "clawdbot_host_disk_total_bytes": Spec("Size of the disk of the data folder"),
}
