"""The benchmark's own skill: a job that does nothing."""

from __future__ import annotations

from apps.skills.base import Context, both, skill


@skill(
    zh="基准空任务",
    summary=both("什么也不做。", "Does nothing."),
    examples=[both("/noop", "/noop")],
)
def noop(ctx: Context) -> str:
    """Answer at once."""
    return "done"
