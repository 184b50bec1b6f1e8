"""Health for load balancers, metrics for Prometheus."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.test import Client

from apps.accounts.models import Person
from apps.assistant import inbox
from apps.assistant.models import Message
from apps.audit.log import Actor
from apps.console import metrics as console_metrics
from apps.core import health, leases
from apps.core.clock import utcnow
from apps.core.health import Check
from apps.core.models import Heartbeat
from apps.im import bots
from tests.services import redis


def test_live_asks_nobody(client: Client) -> None:
    answer = client.get("/healthz/live")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


@pytest.mark.django_db(transaction=True)
def test_ready_needs_a_worker_and_a_beat(client: Client) -> None:
    def found() -> tuple[int, dict[str, bool]]:
        answer = client.get("/healthz/ready")
        return answer.status_code, {one["name"]: one["ok"] for one in answer.json()["checks"]}

    assert found() == (
        503, {"database": True, "broker": True, "worker": False, "beat": False},
    )  # fmt: skip
    leases.beat("worker", "here:1")
    assert found()[0] == 503
    leases.beat("beat", "here:2")
    assert found() == (200, {"database": True, "broker": True, "worker": True, "beat": True})
    Heartbeat.objects.filter(role="worker").update(at=utcnow() - timedelta(minutes=1))
    assert found()[1]["worker"] is False


@pytest.mark.django_db(transaction=True)
def test_ready_needs_the_broker(client: Client, redis_server: redis.Redis | redis.Named) -> None:
    if isinstance(redis_server, redis.Named):
        pytest.skip("a server that somebody named is not stopped")
    redis_server.stop()
    answer = client.get("/healthz/ready")
    assert answer.status_code == 503
    assert {"name": "broker", "ok": False} in answer.json()["checks"]


def test_health_tells_no_secrets(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*, ready_only: bool) -> list[Check]:
        return [Check("database", False, health.both("postgres://u:geheim@h", "u:geheim@h"))]

    monkeypatch.setattr(health, "run", look)
    answer = client.get("/healthz/ready")
    assert answer.status_code == 503
    assert "geheim" not in answer.content.decode()


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_health_is_only_read(client: Client, method: str) -> None:
    assert getattr(client, method)("/healthz/live").status_code == 405


SCRAPES = [
    ({"REMOTE_ADDR": "127.0.0.1"}, 200),
    ({"REMOTE_ADDR": "::1"}, 200),
    ({"REMOTE_ADDR": "10.0.0.7"}, 403),
    ({"REMOTE_ADDR": ""}, 403),
    # Whoever comes through a proxy is not this machine, whatever he or the proxy says.
    ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}, 403),
    ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 403),
    ({"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=203.0.113.9"}, 403),
    ({"REMOTE_ADDR": "10.0.0.7", "HTTP_AUTHORIZATION": "Bearer wrong"}, 403),
    ({"REMOTE_ADDR": "10.0.0.7", "HTTP_AUTHORIZATION": "Bearer "}, 403),
    ({"REMOTE_ADDR": "10.0.0.7", "HTTP_AUTHORIZATION": "Bearer a-token-of-mine"}, 200),
    ({"REMOTE_ADDR": "10.0.0.7", "HTTP_AUTHORIZATION": "Basic a-token-of-mine"}, 403),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("caller", "status"), SCRAPES)
def test_who_may_scrape(
    client: Client, settings: LazySettings, caller: dict[str, str], status: int
) -> None:
    settings.CLAWDBOT_METRICS_TOKEN = "a-token-of-mine"
    settings.CLAWDBOT_TRUSTED_PROXIES = ("127.0.0.1",)
    assert client.get("/metrics", **caller).status_code == status


@pytest.mark.django_db
def test_without_a_token_no_bearer_helps(client: Client, settings: LazySettings) -> None:
    settings.CLAWDBOT_METRICS_TOKEN = ""
    for header in ("Bearer", "Bearer ", ""):
        caller = {"REMOTE_ADDR": "10.0.0.7", "HTTP_AUTHORIZATION": header}
        assert client.get("/metrics", **caller).status_code == 403


@pytest.mark.django_db
def test_what_waits_is_counted_by_lane(client: Client, bob: Person) -> None:
    bots.ensure_builtin(Actor.system("test"))
    inbox.ask(bob, "/ping")
    inbox.ask(bob, "/ping")
    Message.objects.update(not_before=utcnow() - timedelta(seconds=30))
    text = client.get("/metrics").content.decode()
    assert 'clawdbot_waiting{lane="interactive"} 2.0' in text
    assert 'clawdbot_waiting{lane="batch"} 0.0' in text
    oldest = next(
        sample for sample in console_metrics.lanes()
        if sample.name == "clawdbot_oldest_waiting_seconds"
        and sample.labels == {"lane": "interactive"}
    )  # fmt: skip
    assert 29 < oldest.value < 60
    assert "clawdbot_schedule_lag_seconds 0.0" in text
