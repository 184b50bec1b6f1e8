"""A model added to a running installation, asked by another system, over real HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.simulate.model import KEY, MODEL, ModelStand
from tests.console.stack import Stack, wait_for

pytestmark = pytest.mark.stack
BODY = {"model": "office", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def stand() -> Iterator[ModelStand]:
    with ModelStand() as running:
        yield running


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    running = Stack(tmp_path / "home")
    running.up("--only", "web")
    yield running
    running.end()


def done(stack: Stack, *words: str) -> str:
    ended = stack.run(*words)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_another_system_asks_streams_and_hangs_up(stack: Stack, stand: ModelStand) -> None:
    added = f"base_url={stand.base_url}", f"model={MODEL}", f"api_key={KEY}"
    said = done(stack, "model", "add", "office", *added)
    said += done(stack, "model", "list") + done(stack, "model", "list", "--json")
    for words in (
        ("role", "add", "callers"),
        ("role", "allow", "callers", "model.use.office"),
        ("person", "add", "erp", "--role", "callers"),
    ):
        done(stack, *words)
    token = done(stack, "person", "token", "erp", "server").strip()

    def asked(body: dict[str, Any]) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        return connection

    def outcomes() -> list[str]:
        return [one["outcome"] for one in json.loads(done(stack, "model", "calls", "--json"))]

    whole = json.loads(asked(BODY).getresponse().read())
    assert whole["choices"][0]["message"]["content"] == "pong"
    response = asked(BODY | {"stream": True}).getresponse()
    assert response.read().endswith(b"data: [DONE]\n\n")
    stand.fail("/chat", "hang", after=True)
    left = asked(BODY | {"stream": True})
    assert stand.wait(lambda: len(stand.asked) == 3)
    left.close()
    wait_for(lambda: outcomes() == ["ok", "ok", "cancelled"], 20, "the end of the call")
    logs = "".join(path.read_text() for path in stack.home.rglob("*.log"))
    assert KEY not in said + stack.output + logs + done(stack, "audit", "export")
