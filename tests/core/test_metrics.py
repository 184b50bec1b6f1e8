"""Metrics: counts of several processes add up, outlive restarts, and never disturb the work."""

from __future__ import annotations

import io
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings
from redis.commands.core import Script

from apps.core import logging as core_logging
from apps.core import metrics, tally
from apps.core import redis as core_redis
from apps.core.metrics import Sample
from tests.services.redis import Redis


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> None:
    settings.CLAWDBOT_HOME = tmp_path
    monkeypatch.setattr(tally, "_store", tally._Store())
    monkeypatch.setattr(tally, "_seen", {})
    monkeypatch.setattr(metrics, "_collectors", [])
    monkeypatch.setattr(metrics, "_series", {})


def values() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Everything that a scrape shows, read back by Prometheus' own parser."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def messages(outcome: str = "done", platform: str = "web") -> float:
    key = ("clawdbot_messages_total", (("outcome", outcome), ("platform", platform)))
    return values().get(key, 0)


def done(amount: int = 1) -> None:
    metrics.count("clawdbot_messages_total", amount, platform="web", outcome="done")


CONTRACT = {
    *("clawdbot_messages_total", "clawdbot_webhook_rejections_total", "clawdbot_jobs_total"),
    *("clawdbot_job_duration_seconds", "clawdbot_deliveries_total", "clawdbot_reply_seconds"),
    *("clawdbot_model_calls_total", "clawdbot_model_call_duration_seconds"),
    *("clawdbot_model_tokens_total", "clawdbot_waiting", "clawdbot_oldest_waiting_seconds"),
    *("clawdbot_schedule_lag_seconds", "clawdbot_canary_age_seconds"),
}


@pytest.mark.usefixtures("redis_url")
def test_every_promised_metric_is_on_the_page() -> None:
    page = metrics.render().decode()
    for name in CONTRACT:
        assert re.search(rf"^# TYPE {name} (counter|gauge|histogram)$", page, re.MULTILINE), name


@pytest.mark.usefixtures("redis_url")
def test_counts_add_up() -> None:
    done()
    done(4)
    metrics.count("clawdbot_messages_total", platform="web", outcome="refused")
    assert messages() == 5
    assert messages("refused") == 1


@pytest.mark.usefixtures("redis_url")
def test_several_processes_and_a_restart_add_up() -> None:
    done(1)
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            done(10)
            os._exit(0 if metrics.flush() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    # The one that was counted before the forks is counted once, by the parent.
    assert messages() == 31
    tally._store = tally._Store()
    assert messages() == 31


@pytest.mark.usefixtures("redis_url")
def test_counts_are_sent_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "FLUSH_SECONDS", 0.01)
    done()
    deadline = time.monotonic() + 10
    while tally._store.unsent():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert core_redis.client().hlen(tally.KEY) == 1


@pytest.mark.usefixtures("redis_url")
def test_threads_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "FLUSH_SECONDS", 0.001)

    def work() -> None:
        for _ in range(500):
            done()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert messages() == 4000


def late(client: redis.Redis, script: str) -> Callable[..., None]:
    """A script that does what it is asked, and then seems to time out."""

    def call(**arguments: Any) -> None:
        Script(client, script)(**arguments)
        raise redis.TimeoutError

    return call


@pytest.mark.usefixtures("redis_url")
def test_a_lost_acknowledgement_does_not_count_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(redis.Redis, "register_script", late)
        done(7)
        assert not metrics.flush()
        assert tally._store.unsent()
    done(1)
    assert messages() == 8


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    core_logging.configure("INFO", stream)
    yield stream
    core_logging.configure("INFO")


def test_an_outage_is_survived_and_said_once(own_redis: Redis, log: io.StringIO) -> None:
    done(1)
    assert messages() == 1
    own_redis.stop()
    done(2)
    assert not metrics.flush()
    assert not metrics.flush()
    assert messages() == 3
    assert log.getvalue().count("kept in the process") == 1
    own_redis.start()
    done(4)
    # The server lost what it had (it keeps nothing on disk here); the buffer did not.
    assert messages() == 6


@pytest.mark.usefixtures("no_redis")
def test_without_redis_nothing_is_raised() -> None:
    done()
    metrics.observe("clawdbot_reply_seconds", 0.2, platform="web")
    assert messages() == 1


@pytest.mark.usefixtures("redis_url")
def test_a_histogram_counts_into_its_buckets() -> None:
    for seconds in (0.001, 0.01, 0.3, 1000.0):
        metrics.observe("clawdbot_reply_seconds", seconds, platform="web")
    found = values()

    def bucket(le: str) -> float:
        return found[("clawdbot_reply_seconds_bucket", (("le", le), ("platform", "web")))]

    assert (bucket("0.01"), bucket("0.25"), bucket("0.5"), bucket("+Inf")) == (2, 2, 3, 4)
    assert found[("clawdbot_reply_seconds_count", (("platform", "web"),))] == 4
    assert found[("clawdbot_reply_seconds_sum", (("platform", "web"),))] == pytest.approx(1000.311)


@pytest.mark.usefixtures("redis_url")
def test_labels_of_any_kind_stay_labels() -> None:
    strange = 'a"b\\c\nd\x1fe' + "f" * 500
    metrics.count("clawdbot_jobs_total", skill=strange, outcome="failed")
    (labels,) = [dict(labels) for name, labels in values() if name == "clawdbot_jobs_total"]
    assert labels["skill"].startswith('a"b\\c\nd e')
    assert len(labels["skill"]) == metrics.MAX_LABEL_LENGTH
    assert labels["outcome"] == "failed"


@pytest.mark.usefixtures("redis_url")
def test_the_number_of_series_is_bounded() -> None:
    for number in range(metrics.MAX_SERIES + 20):
        metrics.count("clawdbot_jobs_total", skill=f"s{number}", outcome="failed")
    found = {labels: v for (name, labels), v in values().items() if name == "clawdbot_jobs_total"}
    assert len(found) == metrics.MAX_SERIES + 1
    assert found[(("outcome", "other"), ("skill", "other"))] == 20


@pytest.mark.usefixtures("redis_url")
@pytest.mark.parametrize("labels", [{}, {"platform": "web"}, {"platform": "a", "nope": "b"}])
def test_wrong_labels_are_a_mistake_in_the_code(labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="has the labels"):
        metrics.count("clawdbot_messages_total", **labels)


@pytest.mark.usefixtures("redis_url")
def test_collectors_are_asked_and_broken_ones_left_out(log: io.StringIO) -> None:
    @metrics.register_collector
    def lanes() -> Iterable[Sample]:
        yield Sample("clawdbot_waiting", 3, {"lane": "normal"})

    def broken() -> Iterable[Sample]:
        yield Sample("clawdbot_canary_age_seconds", 1)
        raise OSError("database away")

    metrics.register_collector(lanes)
    metrics.register_collector(broken)
    metrics.register_collector(lambda: [Sample("clawdbot_waiting", 1, {"lame": "x"})])
    metrics.register_collector(lambda: [Sample("clawdbot_unheard_of", 1)])
    found = values()
    assert found[("clawdbot_waiting", (("lane", "normal"),))] == 3
    assert ("clawdbot_canary_age_seconds", ()) not in found
    assert log.getvalue().count("collector failed") == 3


@pytest.mark.usefixtures("redis_url")
def test_the_host_is_shown() -> None:
    found = values()
    assert (
        0
        < found[("clawdbot_host_memory_used_bytes", ())]
        < found[("clawdbot_host_memory_total_bytes", ())]
    )
    assert found[("clawdbot_host_disk_total_bytes", ())] > 0
    assert 0 <= found[("clawdbot_host_cpu_ratio", ())] <= 1


@pytest.mark.usefixtures("redis_url")
def test_a_data_folder_that_is_not_there_yet(settings: Settings, tmp_path: Path) -> None:
    settings.CLAWDBOT_HOME = tmp_path / "not" / "yet"
    assert values()[("clawdbot_host_disk_total_bytes", ())] > 0
