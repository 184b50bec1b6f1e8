"""Skill: is anybody there?"""

from __future__ import annotations

from apps.skills.base import Context, both, skill


@skill(
    zh="在吗",
    aliases=["在么", "在不在"],
    summary=both("看看我在不在。", "See whether I am here."),
    examples=[both("/ping", "/ping")],
    phrases=[both("你在吗", "are you there")],
    quick=True,
    lane="interactive",
    writes=False,
)
def ping(ctx: Context) -> str:
    """Answer `pong`."""
    return "pong"
