"""Is anybody at work: a worker and a beat that gave a sign of life a moment ago."""

from __future__ import annotations

from collections.abc import Callable

from apps.core import health, leases
from apps.core.health import Check
from apps.core.i18n import both

#: Seconds. Workers write one every two, beat every five; a busy machine may be late.
WORKER_SILENT_S = 20
BEAT_SILENT_S = 30

_MEND = both("启动它：manage.py up", "Start it: manage.py up")


def register() -> None:
    """Have both looked at by readiness, the doctor and /status."""
    health.register("worker", _look("worker", WORKER_SILENT_S), ready=True)
    health.register("beat", _look("beat", BEAT_SILENT_S), ready=True)


def _look(role: str, silent_s: float) -> Callable[[], Check]:
    def look() -> Check:
        found = len(leases.alive(role, silent_s))
        if not found:
            silent = both("{s} 秒内没有动静", "no sign of life for {s} s").format(s=silent_s)
            return Check(role, False, silent, _MEND)
        return Check(role, True, both("{n} 个在线", "{n} alive").format(n=found))

    return look
