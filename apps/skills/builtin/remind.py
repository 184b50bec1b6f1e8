"""Skill: remind the asker of something, once, at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from apps.core.i18n import Text
from apps.skills import wording
from apps.skills.base import CannotDo, Context, Param, both, skill

LIMIT = 500
#: A moment that passed this recently was meant as now: understanding takes time, too.
JUST_NOW = timedelta(seconds=60)
FARTHEST = timedelta(days=366)
NOTICE = both("⏰ 提醒：{text}", "⏰ Reminder: {text}")
DONE = both(
    "好的，{clock}（{weekday}，{span}后）提醒你：{text}\n"
    "编号 {number}，不要了就发 /cancel {number}",
    "All right, I will remind you at {clock} ({weekday}, in {span}): {text}\n"
    "Number {number}; /cancel {number} takes it back",
)
PAST = both(
    "{clock} 已经过去了，请给一个以后的时间。",
    "{clock} is in the past; please give a time to come.",
)
TOO_FAR = both(
    "{clock} 太远了，最多提前一年。", "{clock} is too far away: a year ahead is the most."
)
EMPTY = both("要提醒你什么？", "Remind you of what?")
#: 提醒我…, me to …, about …: said to us, not to be said back.
LEAD = (
    r"(?:提醒|叫)(?:一下)?我(?:一下)?[:：,，]?\s*(?=\S)"
    r"|(?:me\s+)?(?:to|that|about|of)\s+(?=\S)|me\s+(?=\S)"
)


@skill(
    zh="提醒",
    aliases=["reminder", "提醒我"],
    summary=both("到时候提醒你一件事。", "Remind you of something at a time."),
    examples=[
        both("/提醒 20分钟后 交周报", "/remind in 20 minutes send the report"),
        both("明天下午三点提醒我开会", "remind me to call Bob tomorrow at 3pm"),
    ],
    quick=True,
    lane="interactive",
)
def remind(
    ctx: Context,
    *,
    at: Annotated[
        datetime | None,
        Param(
            label=both("时间", "time"),
            ask=both(
                "什么时候提醒你？例如：20分钟后，明天下午三点",
                "When shall I remind you? For example: in 20 minutes, tomorrow at 3pm",
            ),
        ),
    ] = None,
    text: Annotated[
        str, Param(label=both("内容", "text"), rest=True, lead=LEAD, ask=EMPTY, limit=LIMIT)
    ],
) -> Text:
    """Store a reminder for `at`; without a time (its job is due, or a schedule asks) say it."""
    said = text.strip()
    if not said:
        raise CannotDo(EMPTY)
    if at is None or timedelta(0) <= ctx.now - at <= JUST_NOW:
        return NOTICE.format(text=said)
    _check(ctx, at)
    job = ctx.jobs.remind(said, at)
    return DONE.format(
        clock=wording.clock(at, ctx.tz),
        weekday=wording.weekday(at, ctx.tz),
        span=wording.span(at - ctx.now),
        text=said,
        number=job.number,
    )


def _check(ctx: Context, at: datetime) -> None:
    shown = wording.clock(at, ctx.tz)
    if at < ctx.now:
        raise CannotDo(PAST, clock=shown)
    if at - ctx.now > FARTHEST:
        raise CannotDo(TOO_FAR, clock=shown)
