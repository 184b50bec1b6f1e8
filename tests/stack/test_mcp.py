"""MCP on a whole installation: a tool of a server, asked in a chat and by an MCP client."""

from __future__ import annotations

import pytest

from apps.skills.mcp.channel import Endpoint
from apps.skills.mcp.client import Client, run
from tests.skills.mcp_stand import TOKEN, McpStand, echo
from tests.stack.house import PEOPLE, House

pytestmark = pytest.mark.stack
ONE = PEOPLE[0]
SKILL = "mcp_stack_echo"


def test_a_reviewed_tool_runs_in_a_worker_until_it_changes(house: House) -> None:
    with McpStand() as stand:
        settings = [f"url={stand.address}", f"token={TOKEN}", "private=yes"]
        house.home.command("mcp", "add", "stack", *settings)
        house.home.command("mcp", "refresh", "stack")
        house.home.command("role", "allow", "operator", f"skill.{SKILL}")
        assert "did not understand" in house.asks(ONE, f"/{SKILL} too early")
        house.home.command("mcp", "enable", "stack", "echo", "--read-only")
        assert "hello there" in house.asks(ONE, f"/{SKILL} hello there")

        headers = {"Authorization": f"Bearer {house.home.ask('token', person=ONE)}"}
        ours = Endpoint("ours", f"http://127.0.0.1:{house.home.port}/mcp/", True, headers)
        client = Client(ours, 40)
        run(client.open(), 40, "ours")
        assert SKILL in [one["name"] for one in run(client.tools(), 40, "ours")]
        found = run(client.call(SKILL, {"text": "through two"}, {}), 40, "ours")
        assert "through two" in found["content"][0]["text"]
        assert len(stand.called) == 2

        stand.tools = [echo("Something else.")]
        house.home.command("mcp", "refresh", "stack")
        assert "did not understand" in house.asks(ONE, f"/{SKILL} too late")
        assert len(stand.called) == 2
    house.home.command("mcp", "remove", "stack")
    assert house.job(SKILL)["state"] == "succeeded"
