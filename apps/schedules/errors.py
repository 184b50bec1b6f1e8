"""What can be wrong with a schedule, as sentences for the person who asked for it."""

from __future__ import annotations

from apps.core.errors import ClawdbotError


class TooMany(ClawdbotError):
    """A person has as many schedules as one may have."""

    code = "too_many_schedules"
    http_status = 409
    permanent = True
    zh = "每人最多 {limit} 个定时。请先删除一个：/schedule remove 编号。"
    en = "A person may have {limit} schedules. Remove one first: /schedule remove NUMBER."


class NoSuchTime(ClawdbotError):
    """The times cannot be understood or never come."""

    code = "no_such_time"
    http_status = 400
    permanent = True
    zh = "“{cron}”没有下一次运行的时间。请换一种说法，例如：每天 9 点、每周一 18:00。"
    en = '"{cron}" never comes. Say it differently, for example: every day at 9.'


class NoCommand(ClawdbotError):
    """There is nothing to ask at that time, or too much of it."""

    code = "no_command"
    http_status = 400
    permanent = True
    zh = "请写清到时间要做什么（最多 {limit} 个字）。"
    en = "Say what is to be done at that time, in at most {limit} characters."


class NoSchedule(ClawdbotError):
    """There is no such schedule, or it is somebody else's."""

    code = "no_schedule"
    http_status = 404
    permanent = True
    zh = "没有编号为 {number} 的定时。用 /schedule 查看你的定时。"
    en = "There is no schedule {number}. See yours with /schedule."
