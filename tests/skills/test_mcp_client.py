"""The client beside a strict server of either era, and beside the official implementation."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.skills.mcp.channel import Endpoint
from apps.skills.mcp.client import Client, header_value, run
from apps.skills.mcp.errors import NotLetIn
from tests.skills.mcp_stand import MODERN, TOKEN, McpStand, echo

ERAS = [MODERN, "2025-11-25", "2025-06-18", "2025-03-26"]


def endpoint(stand: McpStand, token: str = TOKEN) -> Endpoint:
    return Endpoint("stand", stand.address, True, {"Authorization": f"Bearer {token}"})


async def visit(client: Client, tool: str, given: dict[str, object]) -> tuple[list[str], object]:
    """Open, list, call and close."""
    await client.open()
    names = [one["name"] for one in await client.tools()]
    result = await client.call(tool, given, {})
    await client.close()
    return names, result


@pytest.mark.parametrize("sse", [False, True], ids=["json", "events"])
@pytest.mark.parametrize("era", ERAS)
def test_every_era_is_spoken(era: str, sse: bool) -> None:
    with McpStand(era, sse=sse) as stand:
        client = Client(endpoint(stand), 5)
        names, result = run(visit(client, "echo", {"text": "你好"}), 5, "stand")
        assert client.protocol == era
        assert names == ["echo"]
        assert result == {"content": [{"type": "text", "text": "你好"}]}
        assert not stand.sessions  # what was opened is closed


@pytest.mark.parametrize("era", [MODERN, "2025-06-18"])
def test_what_is_known_is_not_asked_again(era: str) -> None:
    with McpStand(era) as stand:
        run(visit(Client(endpoint(stand), 5, era), "echo", {"text": "x"}), 5, "stand")
        asked = [call.json()["method"] for call in stand.calls if call.body]
    assert asked == (
        ["tools/list", "tools/call"]
        if era == MODERN
        else ["initialize", "notifications/initialized", "tools/list", "tools/call"]
    )


def test_pages_of_tools_are_followed() -> None:
    with McpStand() as stand:
        stand.tools = [{**echo(), "name": f"echo{n}"} for n in range(7)]
        stand.handlers = {"echo0": lambda given: {"content": []}}
        stand.page = 3
        names, _ = run(visit(Client(endpoint(stand), 5), "echo0", {}), 5, "stand")
    assert names == [f"echo{n}" for n in range(7)]


def test_a_wrong_token_is_said() -> None:
    with McpStand() as stand, pytest.raises(NotLetIn) as raised:
        run(visit(Client(endpoint(stand, "wrong"), 5), "echo", {}), 5, "stand")
    assert "token=" in raised.value.text("en")
    assert "令牌" in raised.value.text("zh")


@pytest.mark.parametrize(
    ("value", "sent"),
    [("plain text", "plain text"), ("é", "=?base64?w6k=?="), (" x", "=?base64?IHg=?=")],
)
def test_what_a_header_cannot_hold_is_in_base64(value: str, sent: str) -> None:
    assert header_value(value) == sent


@pytest.fixture(scope="module", params=["sessions", "stateless", "json", "stateless-json"])
def oracle(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server made with the official SDK."""
    script = Path(__file__).with_name("sdk_server.py")
    process = subprocess.Popen([sys.executable, script, request.param], stdout=subprocess.PIPE)
    assert process.stdout is not None
    yield f"http://127.0.0.1:{int(process.stdout.readline())}/mcp"
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("protocol", ["", "2025-11-25", "2025-06-18"])
def test_the_official_server_understands_us(oracle: str, protocol: str) -> None:
    client = Client(Endpoint("oracle", oracle, True), 20, protocol)
    names, result = run(visit(client, "add", {"first": 2, "second": 40}), 20, "oracle")
    assert client.protocol == (protocol or MODERN)
    assert sorted(names) == ["add", "fail", "greet"]
    assert isinstance(result, dict)
    assert result["content"][0]["text"] == "42"
