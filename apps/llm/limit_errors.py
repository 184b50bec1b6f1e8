"""What is told to somebody whose question met a limit: which one, and when it ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings

from apps.core import clock
from apps.core.i18n import Text, both
from apps.llm.errors import ModelError

_TODAY = both("{at:%H:%M:%S}", "{at:%H:%M:%S}")
_LATER = both("{at:%m-%d %H:%M}", "{at:%m-%d %H:%M}")


def moment(at: datetime) -> Text:
    """A time as the people of this installation read it: of today by its seconds."""
    zone = ZoneInfo(settings.CLAWDBOT_TIME_ZONE)
    local, today = at.astimezone(zone), clock.utcnow().astimezone(zone).date()
    return (_TODAY if local.date() == today else _LATER).format(at=local)


class Limited(ModelError):
    """{what}. It can go on at {when}; please try again then."""

    code = "limited"
    zh = "{what}。{when} 之后可以继续，请届时再试。"
    http_status = 429
    passes: ClassVar[bool] = True

    def __init__(self, what: Text, seconds: float, *, model: str = "") -> None:
        """`what` names the limit; `seconds` from now it ends, or something becomes free of it."""
        self.what = what
        self.until = clock.utcnow() + timedelta(seconds=seconds)
        super().__init__(after=seconds, what=what, when=moment(self.until), model=model)


class OverBudget(ModelError):
    """{what}. The budget starts anew at {when}; an administrator can raise it."""

    code = "over_budget"
    zh = "{what}。预算将于 {when} 重新开始，管理员可以调高。"
    http_status = 429
    #: Another model would spend the same budget.
    passes: ClassVar[bool] = False

    def __init__(self, what: Text, until: datetime, *, model: str = "") -> None:
        """`what` names the budget, how much of it is used and how much was asked for."""
        self.what = what
        self.until = until
        after = max((until - clock.utcnow()).total_seconds(), 0.0)
        super().__init__(after=after, what=what, when=moment(until), model=model)
