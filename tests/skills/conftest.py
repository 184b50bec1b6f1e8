"""A clock whose reader knows a few phrases: parameters are tested without the real reader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from apps.audit.log import Actor
from apps.skills import added, registry
from apps.skills.mcp import review, servers
from apps.skills.models import McpServer, McpTool
from apps.skills.testing import NOW, SHANGHAI
from apps.skills.times import Clock, Every, FoundTime
from tests.skills.mcp_stand import TOKEN, McpStand


def find(text: str, now: datetime) -> FoundTime | None:
    """Find `N分钟后`, `in N minutes`, `每天9点` or `every day at 9`."""
    if match := re.search(r"(\d+)分钟后|in (\d+) minutes", text):
        minutes = int(match[1] or match[2])
        return FoundTime(match.start(), match.end(), at=now + timedelta(minutes=minutes))
    if match := re.search(r"每天9点|every day at 9", text):
        return FoundTime(match.start(), match.end(), every=Every("0 9 * * *", match[0]))
    return None


@pytest.fixture
def clock() -> Clock:
    """Sunday 2026-11-22, 10:00 in Shanghai."""
    return Clock(NOW, SHANGHAI, find)


CLERK = Actor.system("test")


@pytest.fixture
def shelf(db: None) -> Iterator[None]:
    """Skills that are rows are gone from the registry with the rows of the test."""
    with registry.borrowed():
        yield
    added._known = ""


@pytest.fixture
def stand() -> Iterator[McpStand]:
    """An MCP server of the newest revision with one tool, `echo`."""
    with McpStand() as running:
        yield running


@pytest.fixture
def server(shelf: None, stand: McpStand) -> McpServer:
    """The row of that server, in our own network."""
    return servers.add(
        "stand", url=stand.address, private=True, headers=servers.bearer(TOKEN), timeout_s=5,
        actor=CLERK,
    )  # fmt: skip


@pytest.fixture
def tool(server: McpServer) -> McpTool:
    """Its tool `echo`, reviewed as one that only reads."""
    review.refresh(server, CLERK)
    row = McpTool.objects.get(name="echo")
    enabled = review.enable(row, sha256=row.sha256, read_only=True, actor=CLERK)
    added.refresh()
    return enabled
