"""Skill: forget what was said before."""

from __future__ import annotations

from apps.core.i18n import Text
from apps.skills.base import Context, both, skill

DONE = both("好的，我们重新开始。", "All right, a fresh start.")


@skill(
    zh="新会话",
    aliases=["reset", "新对话", "重新开始"],
    summary=both("忘掉前面说的，重新开始。", "Forget what was said and start afresh."),
    examples=[both("/新会话", "/new")],
    quick=True,
    lane="interactive",
)
def new(ctx: Context) -> Text:
    """Start the conversation afresh."""
    ctx.conversation.start_fresh()
    return DONE
