"""The doctor says what is wrong, and nothing that it stumbles over ends it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError

from apps.accounts.models import Person
from apps.audit import log
from apps.audit.log import Actor
from apps.console import doctor, doctor_looks
from apps.console.supervisor.home import prepare
from apps.core import crypto, leases
from apps.im.models import Bot

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Path:
    """An installed data folder."""
    prepare(tmp_path / "home")
    settings.CLAWDBOT_HOME = tmp_path / "home"
    settings.CLAWDBOT_INSTALLED = True
    return tmp_path / "home"


def run() -> tuple[int, dict[str, dict[str, str]]]:
    """The command's exit status and its findings by name."""
    out, status = StringIO(), 0
    try:
        call_command("doctor", "--json", stdout=out)
    except SystemExit as ended:
        status = int(ended.code or 0)
    return status, {one["name"]: one for one in json.loads(out.getvalue())}


def levels() -> dict[str, str]:
    """The level of each finding."""
    return {name: one["level"] for name, one in run()[1].items()}


@pytest.fixture
def door() -> Iterator[Callable[[int], int]]:
    """A server in Flower's place that answers everything with one status."""
    servers: list[HTTPServer] = []

    def serve(status: int) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return int(servers[-1].server_address[1])

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.django_db(transaction=True)  # the checks look from threads of their own
def test_a_sound_installation_has_nothing_to_mend(alice: Person) -> None:
    leases.beat("worker", "w")
    leases.beat("beat", "b")
    status, found = run()
    wrong = {name: one for name, one in found.items() if one["level"] == "FAIL"}
    assert (status, wrong) == (0, {})
    assert {"database", "broker", "disk", "worker", "beat", "keys", "clock", "bots"} <= set(found)


def test_each_fault_fails_with_its_mend(alice: Person) -> None:
    status, found = run()
    assert status == 1
    assert found["worker"]["level"] == found["beat"]["level"] == "FAIL"
    assert "manage.py up" in found["worker"]["mend"]
    assert found["database"]["level"] == "OK"


def test_nobody_is_administrator(bob: Person) -> None:
    assert levels()["administrator"] == "FAIL"


def test_keys_of_another_installation(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    log.record("something", actor=Actor.cli())
    assert levels()["keys"] == "OK"
    monkeypatch.setattr(crypto, "keys", lambda: ["another-key-0123456789-abcdefghijklmnop"])
    assert levels()["keys"] == "FAIL"


def test_pending_migrations(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_looks, "pending_migrations", lambda: ["im.0002_more"])
    status, found = run()
    assert status == 1
    assert "im.0002_more" in found["migrations"]["detail"]


def test_a_bot_that_lacks_a_setting_or_a_platform(alice: Person) -> None:
    Bot.objects.create(slug="half", platform="feishu", settings={"app_id": "cli_1"})
    Bot.objects.create(slug="lost", platform="icq")
    Bot.objects.create(slug="off", platform="feishu", enabled=False)
    found = levels()
    assert found["bot half"] == found["bot lost"] == "FAIL"
    assert "bot off" not in found


@pytest.mark.parametrize(("status", "level"), [(401, "OK"), (200, "FAIL")])
def test_flower_without_a_login_is_open(
    settings: Any, door: Callable[[int], int], status: int, level: str
) -> None:
    settings.CLAWDBOT_FLOWER_PORT = door(status)
    (seen,) = doctor_looks.flower()
    assert seen.level == level


def test_listening_to_the_network_without_https_is_a_warning(settings: Any) -> None:
    settings.CLAWDBOT_HOST = "192.168.0.10"
    assert [seen.level for seen in doctor_looks.settings_look()] == ["WARN", "OK"]
    settings.CLAWDBOT_PUBLIC_URL = "https://bot.example.com"
    settings.CLAWDBOT_TRUSTED_PROXIES = ("10.0.0.1",)
    assert [seen.level for seen in doctor_looks.settings_look()] == ["OK"]


def test_a_look_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Iterator[doctor_looks.Seen]:
        raise OperationalError("no such host")
        yield

    def broken() -> Iterator[doctor_looks.Seen]:
        raise ZeroDivisionError
        yield

    monkeypatch.setattr(doctor, "LOOKS", {"away": away, "broken": broken})
    found = {one.name: one for one in doctor.examine()}
    assert found["away"].level == found["broken"].level == "FAIL"
    assert "no such host" in found["away"].detail.en
    assert "ZeroDivisionError" in found["broken"].detail.en


def test_an_empty_folder_stays_empty(settings: Any, tmp_path: Path) -> None:
    settings.CLAWDBOT_HOME = tmp_path / "nothing"
    settings.DATABASE_URL = ""
    status, found = run()
    assert (status, list(found)) == (1, ["home"])
    assert not (tmp_path / "nothing").exists()


def test_connections_that_nobody_holds_or_that_broke_are_named() -> None:
    Bot.objects.create(slug="b", platform="feishu", connection="stream")
    assert levels()["connection b"] == "FAIL"
    leases.beat("connect", "here", {"bots": {"b": "wrong secret"}})
    assert "wrong secret" in run()[1]["connection b"]["detail"]
    leases.beat("connect", "here", {"bots": {"b": "connected"}})
    assert levels()["connection b"] == "OK"


def test_a_platform_that_is_always_watched_needs_its_connection_too() -> None:
    Bot.objects.create(slug="m", platform="matrix")
    assert levels()["connection m"] == "FAIL"
    leases.beat("connect", "here", {"bots": {"m": "connected"}})
    assert levels()["connection m"] == "OK"
