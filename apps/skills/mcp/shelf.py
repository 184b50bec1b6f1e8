"""The enabled tools as skills."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from apps.core.i18n import Text
from apps.core.logging import get_logger
from apps.skills.base import Skill
from apps.skills.mcp import call
from apps.skills.mcp.arguments import Unfit
from apps.skills.mcp.definition import Definition
from apps.skills.mcp.review import arguments_for
from apps.skills.models import McpTool

#: What a call takes beside the server's own time.
MARGIN_S = 15
log = get_logger(__name__)


def skills() -> Iterator[Skill]:
    """Every tool that was reviewed and whose server is on."""
    rows = McpTool.objects.filter(state="enabled", server__enabled=True)
    for row in rows.select_related("server").order_by("skill_name"):
        try:
            yield skill_of(row)
        except Unfit as unfit:
            log.warning("mcp.tool_unfit", tool=row.skill_name, why=unfit.why.en)


def skill_of(row: McpTool) -> Skill:
    """A tool as a skill. Raises `Unfit`.

    It writes and is confirmed unless the review said that it only reads; a call that may have been
    done is then not repeated after a crash.
    """
    definition = Definition.stored(row.definition)
    arguments = arguments_for(definition, abroad=not row.server.private)
    summary = f"{row.server.name}: {definition.summary or definition.name}"
    return Skill(
        name=row.skill_name,
        zh=row.skill_name,
        aliases=(),
        summary=Text(summary, summary),
        examples=(Text(f"/{row.skill_name}", f"/{row.skill_name}"),),
        phrases=(),
        parameters=tuple(one.parameter for one in arguments),
        call=partial(call.run, row.pk, row.sha256, arguments),
        takes_context=True,
        module=__name__,
        qualname=row.skill_name,
        timeout=row.server.timeout_s + MARGIN_S,
        retries=2 if row.read_only else 0,
        confirm=not row.read_only,
        writes=not row.read_only,
        outside=True,
        family="mcp",
        version=row.sha256,
    )
