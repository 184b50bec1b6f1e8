"""Whoever has not signed in gets an answer from nothing but what is made for strangers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from apps.accounts.models import Person

#: What may answer 200 to somebody unknown.
OPEN = re.compile(r"^/(sign-in/|healthz/(live|ready)$)")
SAMPLES = {"int": "1", "uuid": "7f1c6e8a-0000-4000-8000-000000000000"}


def walk(patterns: list[Any], prefix: str = "/") -> Iterator[str]:
    for pattern in patterns:
        part = sample(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, prefix + part)
        elif isinstance(pattern, URLPattern):
            yield prefix + part


def sample(pattern: Any) -> str:
    route = str(pattern)
    if hasattr(pattern, "_route"):
        return re.sub(
            r"<(?:(\w+):)?\w+>", lambda found: SAMPLES.get(found[1] or "str", "sample"), route
        )
    route = re.sub(r"\(\?P<\w+>(.*?)\)", lambda found: found[1].split("|")[0], route)
    return route.strip("^$").replace(".*", "sample").replace("\\Z", "")


ADDRESSES = sorted(set(walk(get_resolver().url_patterns)))


def test_the_walk_finds_the_house() -> None:
    known = {"/chat/", "/api/v1/ask/", "/flower/", "/admin/", "/metrics", "/account/"}
    assert known <= set(ADDRESSES)
    assert len(ADDRESSES) > 150
    assert not [address for address in ADDRESSES if re.search(r"[<>()?]", address)]


@pytest.mark.django_db
def test_strangers_get_nothing() -> None:
    stranger = Client(REMOTE_ADDR="203.0.113.9")
    for address in ADDRESSES:
        for answer in (stranger.get(address), stranger.post(address)):
            _refused(address, answer)


def _refused(address: str, answer: Any) -> None:
    status = answer.status_code
    if OPEN.match(address):
        assert status in (200, 302, 403, 405, 410, 429, 503), address
    elif status in (301, 302):
        there = answer["Location"]
        # The front door, our own sign-in, a slash that was missing, and what just signed out.
        assert there in ("/chat/", f"{address}/") or there.startswith("/sign-in/"), address
    else:
        assert status in (401, 403, 404, 405), f"{address}: {status}"


@pytest.mark.django_db
def test_members_get_nothing_of_the_console(bob: Person) -> None:
    member = Client(REMOTE_ADDR="203.0.113.9")
    member.force_login(bob)
    for address in ADDRESSES:
        if address.startswith(("/admin/", "/flower/", "/metrics", "/api/v1/bots")):
            for answer in (member.get(address), member.post(address)):
                assert answer.status_code in (302, 403, 405), address
                if answer.status_code == 302:
                    assert answer["Location"].startswith(("/sign-in/", "/account/")), address


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/chat/", "/sign-in/", "/admin/", "/api/docs/", "/nowhere"])
def test_every_answer_has_its_guards(client: Client, alice: Person, path: str) -> None:
    client.force_login(alice)
    answer = client.get(path)
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "script-src 'self';" in answer["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"


@pytest.mark.django_db
def test_errors_are_pages_of_ours(client: Client, settings: LazySettings) -> None:
    client.raise_request_exception = False
    page = client.get("/nowhere/").content.decode()
    assert "没有这个页面" in page
    assert "Traceback" not in page
    assert client.get("/chat/", headers={"host": "evil.example"}).status_code == 400
