"""The official client beside our entrance, over a socket, in every era."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from apps.accounts import tokens
from apps.accounts.models import Person
from apps.api import answers
from apps.audit.log import Actor
from apps.im import bots


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("mode", "protocol"),
    [("auto", "2026-07-28"), ("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28")],
)
def test_the_official_client_understands_us(
    live_server: LiveServer,
    bob: Person,
    handle: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    protocol: str,
) -> None:
    bots.ensure_builtin(Actor.system("test"))
    monkeypatch.setattr(answers.time, "sleep", lambda seconds: handle())
    _, token = tokens.create(bob, "oracle", Actor.system("test"))
    script = Path(__file__).with_name("sdk_client.py")
    command = [sys.executable, script, f"{live_server.url}/mcp/", token, mode]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    found = json.loads(done.stdout)
    assert found["protocol"] == protocol
    assert {"echo", "ping"} <= set(found["tools"])
    assert found["echo"] == ['你好 "a=b"\n', False]
    assert "skill.cleanup" in found["cleanup"][0]
    assert found["cleanup"][1] is True
    assert found["wrong"] is True
    assert "Unknown tool" in found["unknown"]
