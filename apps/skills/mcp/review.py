"""Tools between a server and our skills: fetched, reviewed, and stopped when they change.

A tool is a skill only while an administrator's review stands: what the server says of it must be
what was looked at, to the letter.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.skills import added
from apps.skills.mcp.arguments import Argument, Unfit, arguments_of
from apps.skills.mcp.client import Client, run
from apps.skills.mcp.definition import Definition
from apps.skills.mcp.errors import CannotEnable, Nonsense
from apps.skills.mcp.servers import endpoint_of
from apps.skills.models import McpServer, McpTool

MOST_NAME = 60
OTHER = both("它在你看过之后又变了，请重新查看", "it changed since you looked at it; look again")
GONE = both("服务器不再提供它", "the server does not offer it any more")


@dataclass(slots=True)
class News:
    """What fetching the tools found: their names by what is new about them."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)


def refresh(server: McpServer, actor: Actor, within_s: float = 300) -> News:
    """Fetch the tools and compare them with ours; what changed is no skill from now on.

    Raises `McpError` or `HttpError`.
    """
    seconds = min(within_s, server.timeout_s)
    client = Client(endpoint_of(server), seconds)
    listed = run(_list(client), seconds, server.name)
    return take(server, listed, client.protocol, actor)


async def _list(client: Client) -> list[dict[str, Any]]:
    await client.open()
    try:
        return await client.tools()
    finally:
        await client.close()


def take(
    server: McpServer, listed: Iterable[Mapping[str, Any]], protocol: str, actor: Actor
) -> News:
    """Write down what a server offers now. Raises `Nonsense` when two tools share a name."""
    offered = _by_name(server, listed)
    news = News()
    with transaction.atomic():
        McpServer.objects.select_for_update().get(pk=server.pk)
        known = {row.name: row for row in server.tools.select_for_update()}
        for name, definition in offered.items():
            if name not in known:
                _add(server, definition, actor)
                news.new.append(name)
            elif _compare(known[name], definition, actor):
                news.changed.append(name)
            else:
                news.same.append(name)
        for name in known.keys() - offered.keys():
            if _lose(known[name], actor):
                news.gone.append(name)
        McpServer.objects.filter(pk=server.pk).update(protocol=protocol, checked_at=utcnow())
        if news.new or news.changed or news.gone:
            added.changed()
    return news


def _by_name(server: McpServer, listed: Iterable[Mapping[str, Any]]) -> dict[str, Definition]:
    found: dict[str, Definition] = {}
    for one in listed:
        definition = Definition.of(one)
        if definition.name in found:
            raise Nonsense(server=server.name, why="two tools share a name")
        if definition.name and len(definition.name) <= 128:
            found[definition.name] = definition
    return found


def _add(server: McpServer, definition: Definition, actor: Actor) -> None:
    row = McpTool.objects.create(
        server=server, name=definition.name, skill_name=skill_name(server.name, definition.name),
        definition=definition.to_json(), sha256=definition.sha256,
    )  # fmt: skip
    _audit("mcp.tool_found", row, actor, {"sha256": row.sha256})


def _compare(row: McpTool, now: Definition, actor: Actor) -> bool:
    """Is it another than we know? Then it is off, and what it is now waits for a review."""
    if now.sha256 == row.sha256:
        if row.state in {"changed", "gone"}:  # it is as before: still somebody has to say so
            row.state = "disabled" if row.reviewed_at else "new"
            row.offered, row.offered_sha256 = None, ""
            row.save()
        return False
    if row.state == "new":
        row.definition, row.sha256 = now.to_json(), now.sha256
    elif row.state == "changed" and row.offered_sha256 == now.sha256:
        return False
    else:
        row.state, row.offered, row.offered_sha256 = "changed", now.to_json(), now.sha256
    row.save()
    data = {"reviewed": row.sha256, "offered": now.sha256}
    _audit("mcp.tool_changed", row, actor, data)
    return True


def _lose(row: McpTool, actor: Actor) -> bool:
    if row.state == "gone":
        return False
    row.state, row.offered, row.offered_sha256 = "gone", None, ""
    row.save()
    _audit("mcp.tool_gone", row, actor, {"sha256": row.sha256})
    return True


def enable(row: McpTool, *, sha256: str, read_only: bool, actor: Actor) -> McpTool:
    """Make a skill of what was looked at: `sha256` names it. Raises `CannotEnable`.

    Without `read_only` every call of it is confirmed by its asker. Roles still have to allow it.
    """
    with transaction.atomic():
        row = (
            McpTool.objects.select_for_update(of=("self",)).select_related("server").get(pk=row.pk)
        )
        if row.state == "gone":
            raise CannotEnable(server=row.server.name, tool=row.name, why=GONE)
        definition = current(row)
        if definition.sha256 != sha256:
            raise CannotEnable(server=row.server.name, tool=row.name, why=OTHER)
        why = problem(definition)
        if why is not None:
            raise CannotEnable(server=row.server.name, tool=row.name, why=why)
        row.definition, row.sha256 = definition.to_json(), definition.sha256
        row.offered, row.offered_sha256 = None, ""
        row.state, row.read_only = "enabled", read_only
        row.reviewed_by, row.reviewed_at = actor.label or actor.key, utcnow()
        row.save()
        added.changed()
        data = {"sha256": row.sha256, "read_only": read_only, "skill": row.skill_name}
        _audit("mcp.tool_enabled", row, actor, data)
    return row


def disable(row: McpTool, actor: Actor) -> McpTool:
    """Make it no skill any more. Nothing happens unless it is one."""
    with transaction.atomic():
        if McpTool.objects.filter(pk=row.pk, state="enabled").update(state="disabled"):
            added.changed()
            _audit("mcp.tool_disabled", row, actor, {"sha256": row.sha256})
    row.refresh_from_db()
    return row


def current(row: McpTool) -> Definition:
    """What a review has to look at: what the server says now, else what was looked at last."""
    return Definition.stored(row.offered or row.definition)


def problem(definition: Definition) -> Text | None:
    """Why no skill can be made of it, None when one can."""
    try:
        arguments_for(definition, abroad=False)
    except Unfit as unfit:
        return unfit.why
    except ClawdbotError as error:
        return Text(error.text("zh"), error.text("en"))
    return None


def arguments_for(definition: Definition, *, abroad: bool) -> tuple[Argument, ...]:
    """The arguments of a definition that can be a skill. Raises `Unfit`."""
    if definition.problem is not None:
        raise Unfit(definition.problem)
    return arguments_of(definition.schema, abroad=abroad)


def skill_name(server: str, tool: str) -> str:
    """A free name for its skill: `mcp_<server>_<tool>`, with some digits of a hash where that is
    too long or taken."""
    plain = re.sub(r"[^a-z0-9]+", "_", tool.lower()).strip("_")
    found = f"mcp_{server}_{plain or 'tool'}"
    if len(found) <= MOST_NAME and not McpTool.objects.filter(skill_name=found).exists():
        return found
    digest = hashlib.sha256(f"{server}/{tool}".encode()).hexdigest()[:8]
    return f"{found[: MOST_NAME - 9]}_{digest}"


def _audit(action: str, row: McpTool, actor: Actor, data: dict[str, Any]) -> None:
    obj = ("mcp_tool", row.pk, row.skill_name)
    audit.record(action, actor=actor, obj=obj, outcome="done", data=data)
