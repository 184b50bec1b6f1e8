"""Flower behind our sign-in: a real one, started here, seen through the proxy."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from django.conf import LazySettings, settings
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client

from apps.accounts.models import Person, Role
from apps.console import flower as proxy
from apps.console.supervisor import flower


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, redis_server: object) -> Iterator[Path]:
    """The data folder of a Flower that runs as `up` starts it."""
    home = tmp_path_factory.mktemp("flower-home")
    (home / "secrets").mkdir()
    port = free_port()
    flower.ensure_secret(home)
    config = flower.write_config(home, port)
    argv = [sys.executable, "-m", "celery", "-b", settings.CELERY_BROKER_URL, "flower"]
    with (home / "log").open("w") as log:
        child = subprocess.Popen([*argv, f"--conf={config}"], stdout=log, stderr=log)
    try:
        _wait(port, home)
        (home / "port").write_text(str(port))
        yield home
    finally:
        child.terminate()
        child.wait(10)


def _wait(port: int, home: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/flower/healthcheck").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError((home / "log").read_text())


@pytest.fixture
def up(running: Path, settings: LazySettings) -> Path:
    settings.CLAWDBOT_HOME = running
    settings.CLAWDBOT_FLOWER_PORT = int((running / "port").read_text())
    return running


@pytest.fixture
def browser(alice: Person) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
async def reader(transactional_db: None, alice: Person) -> AsyncClient:
    """The same on an event loop, on which a page comes piece by piece."""
    client = AsyncClient()
    await client.aforce_login(alice)
    return client


async def body(answer: HttpResponse) -> str:
    if not isinstance(answer, StreamingHttpResponse):
        return answer.content.decode()
    return b"".join([piece async for piece in answer]).decode()


@pytest.mark.parametrize("path", ["", "workers", "tasks", "broker", "workers?json=1"])
async def test_pages_come_through(up: Path, reader: AsyncClient, path: str) -> None:
    answer = await reader.get(f"/flower/{path}")
    assert answer.status_code == 200
    text = await body(answer)
    assert "Flower" in text or '"data"' in text
    _, password = flower.credentials(up)
    assert password not in text


async def test_the_table_of_tasks_is_asked_for_by_get(up: Path, reader: AsyncClient) -> None:
    query = {
        "draw": "3", "start": "0", "length": "10", "search[value]": "",
        "order[0][column]": "0", "order[0][dir]": "desc", "columns[0][data]": "name",
    }  # fmt: skip
    answer = await reader.get("/flower/tasks/datatable", query)
    assert '"draw": 3' in await body(answer)
    script = await reader.get("/flower/static/js/flower.js")
    text = await body(script)
    assert text.startswith(proxy.SCRIPT_HEAD.decode())
    assert "/tasks/datatable" in text
    assert script["Cache-Control"] == "no-cache"


async def test_neither_side_sees_the_other_s_secrets(up: Path, reader: AsyncClient) -> None:
    answer = await reader.get("/flower/tasks", headers={"authorization": "Bearer mine"})
    await body(answer)
    assert answer.status_code == 200
    assert not answer.cookies
    assert "Set-Cookie" not in answer.headers
    assert "Server" not in answer.headers
    assert "unsafe" not in answer["Content-Security-Policy"].partition("style-src")[0]
    sent = proxy._headers(answer.asgi_request, "tasks")
    assert sent["authorization"].startswith("Basic ")
    assert not {"cookie", "host", "origin", "connection"} & set(sent)


async def test_unknown_pages_are_flower_s_404(up: Path, reader: AsyncClient) -> None:
    answer = await reader.get("/flower/task/no-such-task")
    assert answer.status_code == 404
    assert "Unknown task" in await body(answer)


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "head", "options"])
def test_only_get(up: Path, alice: Person, method: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    for path in ("", "api/worker/shutdown/w1", "tasks/datatable"):
        assert getattr(strict, method)(f"/flower/{path}").status_code == 405


def test_only_with_the_permission(up: Path, client: Client, bob: Person, roles: object) -> None:
    assert client.get("/flower/tasks?x=1")["Location"] == "/sign-in/?next=/flower/tasks%3Fx%3D1"
    client.force_login(bob)
    assert client.get("/flower/").status_code == 403
    auditor = Person.objects.create_person("olga")
    auditor.roles.add(Role.objects.get(name="auditor"))
    client.force_login(auditor)
    assert client.get("/flower/").status_code == 403


def test_its_own_port_asks_for_the_secret(up: Path) -> None:
    port = (up / "port").read_text()
    assert httpx2.get(f"http://127.0.0.1:{port}/flower/tasks").status_code == 401


def test_when_it_is_down_the_page_says_so(
    up: Path, browser: Client, settings: LazySettings
) -> None:
    settings.CLAWDBOT_FLOWER_PORT = free_port()
    answer = browser.get("/flower/")
    assert answer.status_code == 502
    assert "manage.py up" in answer.content.decode()


def test_another_secret_is_no_door(
    up: Path, browser: Client, settings: LazySettings, tmp_path: Path
) -> None:
    settings.CLAWDBOT_HOME = tmp_path
    assert browser.get("/flower/").status_code == 502  # no secret at all
    (tmp_path / "secrets").mkdir()
    flower.ensure_secret(tmp_path)
    answer = browser.get("/flower/")
    assert answer.status_code == 502
    assert "WWW-Authenticate" not in answer.headers
