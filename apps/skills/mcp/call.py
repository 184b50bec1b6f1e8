"""One call of a tool: looked up, compared with what was reviewed, called, audited, shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.core.errors import ClawdbotError
from apps.skills.context import Context, Reply
from apps.skills.mcp import render, review
from apps.skills.mcp.arguments import Argument, values_for
from apps.skills.mcp.client import Client
from apps.skills.mcp.client import run as run_within
from apps.skills.mcp.errors import ToolChanged, ToolOff
from apps.skills.mcp.servers import endpoint_of
from apps.skills.models import McpTool

#: A server's tools are compared with ours before a call, unless that was done so lately.
STILL_FRESH = timedelta(minutes=5)


def run(
    tool_id: int, sha256: str, arguments: tuple[Argument, ...], ctx: Context, **values: Any
) -> Reply:
    """Call the tool that had this hash when it was reviewed, within its server's time.

    Raises `ToolOff`, `ToolChanged`, `ToolFailed`, another `McpError`, or `HttpError`.
    """
    row = _reviewed(tool_id, sha256)
    given, headers = values_for(arguments, values)
    _audit(row, ctx, "mcp.called", "started")
    try:
        reply = _call(row, given, headers)
    except ClawdbotError as error:
        _audit(row, ctx, "mcp.ended", error.code)
        raise
    _audit(row, ctx, "mcp.ended", "done")
    return reply


def _reviewed(tool_id: int, sha256: str) -> McpTool:
    row = McpTool.objects.select_related("server").filter(pk=tool_id).first()
    if row is None or not row.server.enabled or row.state in {"disabled", "gone", "new"}:
        server, tool = (row.server.name, row.name) if row else ("?", "?")
        raise ToolOff(server=server, tool=tool)
    if row.state != "enabled" or row.sha256 != sha256:
        raise ToolChanged(server=row.server.name, tool=row.name)
    return row


def _call(row: McpTool, given: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
    server = row.server
    client = Client(endpoint_of(server), server.timeout_s, server.protocol)
    stale = server.checked_at is None or utcnow() - server.checked_at > STILL_FRESH

    async def listed() -> list[dict[str, Any]]:
        await client.open()
        return await client.tools() if stale else []

    async def called() -> dict[str, Any]:
        try:
            return await client.call(row.name, given, headers)
        finally:
            await client.close()

    begun = utcnow()
    tools = run_within(listed(), server.timeout_s, server.name)
    if stale:
        review.take(server, tools, client.protocol, Actor.system("worker"))
        _reviewed(row.pk, row.sha256)
    left = server.timeout_s - (utcnow() - begun).total_seconds()
    return render.reply(server.name, run_within(called(), max(left, 0.1), server.name))


def _audit(row: McpTool, ctx: Context, action: str, outcome: str) -> None:
    audit.record(
        action,
        actor=Actor.person(ctx.person),
        obj=("mcp_tool", row.pk, row.skill_name),
        outcome=outcome,
        trace_id=ctx.trace_id,
        data={"server": row.server.name, "tool": row.name, "sha256": row.sha256,
              "job": ctx.job_number or ""},
    )  # fmt: skip
