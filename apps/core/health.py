"""What is right and wrong with the installation, asked for by monitors, the doctor and /status.

The foundations look at what they stand on; whoever stands above registers checks of its own.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import kombu
from django.conf import settings
from django.db import connection

from apps.core import host
from apps.core import redis as core_redis
from apps.core.i18n import Text, both
from apps.core.logging import get_logger

#: Seconds that a check may take before it counts as failed.
TIME_LIMIT = 2.0
MIN_FREE_BYTES = 500 * 1024 * 1024
MIN_FREE_SHARE = 0.03

_log = get_logger(__name__)


NOTHING = Text("", "")


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: what was looked at, whether it is right, what was found, and the mend."""

    name: str
    ok: bool
    detail: Text = NOTHING
    mend: Text = NOTHING


Look = Callable[[], Check]


def register(name: str, look: Look, *, ready: bool) -> None:
    """Have ``look`` called under ``name``; with ``ready`` nothing can be accepted without it.

    A second registration of a name replaces the first. ``look`` runs in a thread of its own with
    its own database connection; what it raises counts as failed.
    """
    _registered[name] = _Entry(name, look, ready)


def run(*, ready_only: bool) -> list[Check]:
    """Make all checks, or those that readiness needs, side by side; at most two seconds."""
    entries = [entry for entry in _registered.values() if entry.ready or not ready_only]
    deadline = time.monotonic() + TIME_LIMIT
    for entry in entries:
        entry.start()
    return [entry.result(deadline) for entry in entries]


class _Entry:
    """A registered check and its newest run; one that hangs is not started again on top."""

    def __init__(self, name: str, look: Look, ready: bool) -> None:
        self.name = name
        self.ready = ready
        self._look = look
        self._lock = threading.Lock()
        self._run: _Run | None = None

    def start(self) -> None:
        with self._lock:
            if self._run is None or not self._run.is_alive():
                self._run = _Run(self.name, self._look)
                self._run.start()

    def result(self, deadline: float) -> Check:
        run = self._run
        if run is None:
            return _failed(self.name, both("未运行", "did not run"))
        run.join(max(deadline - time.monotonic(), 0))
        if run.found is None:
            return _failed(self.name, both("检查超时", "the check takes too long"))
        return run.found


class _Run(threading.Thread):
    def __init__(self, name: str, look: Look) -> None:
        super().__init__(name=f"health-{name}", daemon=True)
        self.found: Check | None = None
        self._name_of_check = name
        self._look = look

    def run(self) -> None:
        name = self._name_of_check
        try:
            self.found = self._look()
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its finding
            _log.warning("a health check failed", check=name, error=type(error).__name__)
            self.found = _failed(name, both("检查失败", "the check failed"))
        finally:
            connection.close()


def _failed(name: str, detail: Text) -> Check:
    return Check(name, False, detail, _MENDS.get(name, NOTHING))


_registered: dict[str, _Entry] = {}
_MENDS = {
    "database": both("检查 DATABASE_URL 和数据库服务。", "Check DATABASE_URL and its server."),
    "broker": both(
        "检查 CELERY_BROKER_URL 和消息队列。", "Check CELERY_BROKER_URL and its server."
    ),
    "redis": both("检查 REDIS_URL 和 Redis 服务。", "Check REDIS_URL and its server."),
    "disk": both("清理磁盘，或换一个更大的。", "Free some space, or use a larger disk."),
}


def _database() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return Check("database", True, both("可用", "answers"))


def _broker() -> Check:
    options = {"socket_timeout": TIME_LIMIT, "socket_connect_timeout": TIME_LIMIT}
    url: str = settings.CELERY_BROKER_URL
    transport_options = {} if url.startswith("amqp") else options
    with kombu.Connection(
        url, connect_timeout=TIME_LIMIT, transport_options=transport_options
    ) as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
    return Check("broker", True, both("可用", "answers"))


def _redis() -> Check:
    core_redis.client().ping()
    return Check("redis", True, both("可用", "answers"))


def _disk() -> Check:
    usage = shutil.disk_usage(host.data_disk())
    detail = both("剩余 {free} MB", "{free} MB free").format(free=usage.free // 1024**2)
    if usage.free < max(MIN_FREE_BYTES, usage.total * MIN_FREE_SHARE):
        return _failed("disk", detail)
    return Check("disk", True, detail)


register("database", _database, ready=True)
register("broker", _broker, ready=True)
# Without Redis pages are less live and limits are open, but what arrives is stored and answered.
register("redis", _redis, ready=False)
register("disk", _disk, ready=False)
