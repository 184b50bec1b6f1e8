"""Settings that are unsafe or no values at all are refused by name, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from clawdbot.settings import base, env


@pytest.mark.parametrize(
    "address",
    [
        *("https://*", "https://.example.com", "https://*.example.com", "https://a b", "https://"),
        *("https://a/path", "https://a?x", "https://a#x", "https://u:p@a", "https://@a"),
        *("http://[", "http://a:99999", "http://a:x", "http://a:0", "ftp://a", "//a", "a.example"),
    ],
)
def test_odd_public_addresses_are_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("CLAWDBOT_PUBLIC_URL", address)
    with pytest.raises(ImproperlyConfigured, match=r"^CLAWDBOT_PUBLIC_URL: "):
        env.public("127.0.0.1", 8000)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://bot.example.com/", "bot.example.com"),
        ("http://10.0.0.5:8000", "10.0.0.5"),
        ("http://[::1]:8000", "::1"),
        ("https://Bot-1.example.com:8443", "bot-1.example.com"),
        ("", "127.0.0.1"),
    ],
)
def test_plain_public_addresses_are_taken(
    monkeypatch: pytest.MonkeyPatch, address: str, host: str
) -> None:
    monkeypatch.setenv("CLAWDBOT_PUBLIC_URL", address)
    assert env.public("127.0.0.1", 8000).host == host


@pytest.mark.parametrize("address", ["redis://[", "redis://a:99999", "http://a", "redis"])
def test_odd_service_addresses_are_refused_without_showing_them(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("REDIS_URL", address)
    with pytest.raises(ImproperlyConfigured) as caught:
        env.url("REDIS_URL", ("redis", "rediss", "unix"))
    assert address not in str(caught.value).replace("redis or rediss", "")


@pytest.mark.parametrize("raw", ["9" * 5000, "0", "-1", "\u0663", "1.5"])
def test_odd_numbers_are_refused(monkeypatch: pytest.MonkeyPatch, raw: str) -> None:
    monkeypatch.setenv("CLAWDBOT_PORT", raw)
    with pytest.raises(ImproperlyConfigured, match=r"^CLAWDBOT_PORT: "):
        env.integer("CLAWDBOT_PORT", 8000, 1, 65535)


def test_a_token_that_can_be_guessed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAWDBOT_METRICS_TOKEN", "metrics")
    with pytest.raises(ImproperlyConfigured, match=r"^CLAWDBOT_METRICS_TOKEN: "):
        env.token("CLAWDBOT_METRICS_TOKEN")
    monkeypatch.setenv("CLAWDBOT_METRICS_TOKEN", "")
    assert env.token("CLAWDBOT_METRICS_TOKEN") == ""


@pytest.mark.parametrize(("query", "kept"), [("", 2), ("?prepare_threshold=never", None)])
def test_postgresql_keeps_plans_unless_told_otherwise(query: str, kept: int | None) -> None:
    found = base.database(f"postgres://u:p@db/name{query}", Path("/nowhere"))
    assert found["OPTIONS"]["prepare_threshold"] == kept
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL: "):
        base.database("postgres://u:p@db/name?prepare_threshold=often", Path("/nowhere"))
