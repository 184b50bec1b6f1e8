"""Sums that all processes add to: kept in a buffer here, sent to a hash in Redis each second.

A batch is applied exactly once, also when its acknowledgement was lost. At most the last second of
a process that is killed is missing; sums live as long as Redis keeps them.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import uuid
from collections.abc import Mapping

import redis

from apps.core import redis as core_redis
from apps.core.logging import get_logger

KEY = "clawdbot:metrics"
FLUSH_SECONDS = 1.0
AWAY_SECONDS = 5.0

_log = get_logger(__name__)

# KEYS: the hash of sums, the mark of this batch. A batch that is sent again finds its mark.
# The hash is bounded too: labels come from configuration, but configurations come and go.
_APPLY = """
if not redis.call('SET', KEYS[2], '1', 'NX', 'EX', 3600) then return 0 end
local room = redis.call('HLEN', KEYS[1]) < 50000
for i = 1, #ARGV, 2 do
  if room or redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
    redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
return 1
"""


def add(sums: Mapping[str, int]) -> None:
    """Add to the sums of these fields. Never waits and never fails."""
    _store.add(sums)


def flush() -> bool:
    """Send what this process holds; False when Redis could not take it (it is kept)."""
    return _store.flush()


def sums() -> dict[str, int]:
    """Return the sums of all processes.

    Without Redis: what was last seen of them and what this process has not sent yet, because a
    counter that falls looks like a restart and comes back as a burst that never was.
    """
    global _seen
    flush()
    try:
        stored = core_redis.client().hgetall(KEY)
    except (redis.RedisError, OSError):
        return _merged(_seen, _store.unsent())
    _seen = {_text(field): int(value) for field, value in stored.items()}
    return _seen


_seen: dict[str, int] = {}


class _Store:
    """What was counted here and not yet acknowledged by Redis."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._dirty = threading.Event()
        self._buffer: dict[str, int] = {}
        self._batch: dict[str, int] = {}
        self._batch_id = ""
        self._thread: threading.Thread | None = None
        self._away = False

    def add(self, sums: Mapping[str, int]) -> None:
        with self._lock:
            for field, amount in sums.items():
                self._buffer[field] = self._buffer.get(field, 0) + amount
            if self._thread is None:
                self._start()
        if not self._dirty.is_set():
            self._dirty.set()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        # While the interpreter ends no thread starts any more; the flush at exit does the rest.
        with contextlib.suppress(RuntimeError):
            thread.start()
            self._thread = thread

    def unsent(self) -> dict[str, int]:
        with self._lock:
            return _merged(self._batch, self._buffer)

    def flush(self) -> bool:
        with self._sending:
            return self._send()

    def _send(self) -> bool:
        # Twice at most: a batch that an outage left over, then what came meanwhile.
        return self._send_batch() and self._send_batch()

    def _send_batch(self) -> bool:
        with self._lock:
            self._dirty.clear()
            if not self._batch:
                self._batch, self._buffer = self._buffer, {}
                self._batch_id = uuid.uuid4().hex
            arguments = [part for pair in self._batch.items() for part in pair]
        if not arguments:
            return True
        try:
            script = core_redis.client().register_script(_APPLY)
            script(keys=[KEY, f"{KEY}:batch:{self._batch_id}"], args=arguments)
        except (redis.RedisError, OSError) as error:
            self._say_away(error)
            return False
        with self._lock:
            self._batch = {}
        self._away = False
        return True

    def _say_away(self, error: Exception) -> None:
        if not self._away:
            _log.warning("metrics are kept in the process", error=type(error).__name__)
        self._away = True

    def _run(self) -> None:
        pause = threading.Event()
        while self._dirty.wait():
            pause.wait(FLUSH_SECONDS)
            while not self.flush():
                pause.wait(AWAY_SECONDS)


def _text(field: bytes | str) -> str:
    return field.decode() if isinstance(field, bytes) else field


def _merged(one: Mapping[str, int], two: Mapping[str, int]) -> dict[str, int]:
    return {field: one.get(field, 0) + two.get(field, 0) for field in one.keys() | two.keys()}


_store = _Store()


def _after_fork() -> None:
    # What the parent has not sent yet is the parent's: counted here too, it would count twice.
    global _store
    _store = _Store()


os.register_at_fork(after_in_child=_after_fork)
# Looked up at exit, not here: a forked child has a store of its own.
atexit.register(flush)
