"""Skill: throw away what is old."""

from __future__ import annotations

from apps.im.cards import Card, Fields
from apps.im.cards import Text as Paragraph
from apps.skills.base import Context, both, skill

TITLE = both("清理完成", "Cleaned up")
STARTED = both("正在清理旧文件和旧记录 …", "Removing old files and rows …")
NOTHING = both("没有要清理的。", "There was nothing to remove.")


@skill(
    zh="清理",
    aliases=["clean"],
    summary=both(
        "删除旧的临时文件和记录，优化数据库。",
        "Remove old temporary files and rows, optimise the database.",
    ),
    examples=[both("/清理", "/cleanup")],
    phrases=[both("清理临时文件", "clean up temporary files")],
    lane="batch",
    timeout=600,
)
def cleanup(ctx: Context) -> Card:
    """Clean up and say how much of each kind went."""
    ctx.progress(STARTED)
    counts = ctx.system.clean_up()
    pairs = tuple((kind, str(count)) for kind, count in counts.items())
    block = Fields(pairs) if any(counts.values()) else Paragraph(ctx.say(NOTHING))
    return Card(ctx.say(TITLE), "green", (block,))
