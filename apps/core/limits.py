"""How often somebody may do something: shared windows in Redis, and a small one in the process.

A window opens with the first thing that is allowed and lasts one period; what is refused costs
nothing, so that a flood does not lock out for longer than the window.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from apps.core import metrics
from apps.core import redis as core_redis

_PERIODS = {"s": 1, "m": 60, "h": 3600}
_AWAY_PAUSE = 5.0

# KEYS: one hash for each pair of a check. ARGV: now, then group, count and period for each pair.
# A group is allowed, and counted, only when every pair in it has room.
_SCRIPT = """
local now, answers, i = tonumber(ARGV[1]), {}, 1
while i <= #KEYS do
  local group, room, last = ARGV[i * 3 - 1], 1, i
  local writes = {}
  while last <= #KEYS and ARGV[last * 3 - 1] == group do
    local count, period = tonumber(ARGV[last * 3]), tonumber(ARGV[last * 3 + 1])
    local found = redis.call('HMGET', KEYS[last], 'start', 'used')
    local start, used = tonumber(found[1]), tonumber(found[2])
    if start == nil or math.abs(now - start) >= period then
      start, used = now, 0
    end
    if used >= count then room = 0 end
    writes[#writes + 1] = {KEYS[last], string.format('%.6f', start), used + 1, period}
    last = last + 1
  end
  if room == 1 then
    for _, w in ipairs(writes) do
      redis.call('HSET', w[1], 'start', w[2], 'used', w[3])
      redis.call('EXPIRE', w[1], w[4] * 2)
    end
  end
  answers[#answers + 1] = room
  i = last
end
return answers
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` times in ``period`` seconds; a count of None is no limit."""

    count: int | None
    period: int = 60

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Return the rate of ``"60/m"`` (s, m or h) or ``"off"``; raises ``ValueError``."""
        if text == "off":
            return cls(None)
        count, _, unit = text.partition("/")
        if not (count.isascii() and count.isdigit() and int(count) > 0 and unit in _PERIODS):
            raise ValueError(f"{text!r} is no rate; write it as 60/m, 5/s, 1000/h or off")
        return cls(int(count), _PERIODS[unit])


def check_many(
    keys: Sequence[tuple[str, Rate]], now: float, client: redis.Redis | None = None
) -> list[bool]:
    """Count one attempt for each key, in order, and tell which were within their rate.

    ``now`` is in seconds since the epoch. One round trip. While Redis is away everything is
    allowed, and counted in ``clawdbot_limits_bypassed_total``: a limit protects the service and
    must not be what takes it down.
    """
    return check_groups([[pair] for pair in keys], now, client)


def check_groups(
    groups: Sequence[Sequence[tuple[str, Rate]]], now: float, client: redis.Redis | None = None
) -> list[bool]:
    """Like ``check_many`` for attempts that several rates bound, such as person and chat.

    A group is counted against all of its keys, or, when one has no room, against none.
    """
    names: list[str] = []
    arguments: list[str | int] = [repr(now)]
    for number, group in enumerate(groups):
        for key, rate in dict(group).items():
            if rate.count is not None:
                names.append(f"clawdbot:limit:{key}")
                arguments += [number, rate.count, rate.period]
    if not names:
        return [True] * len(groups)
    answers = _ask(names, arguments, client)
    asked = sorted({int(number) for number in arguments[1::3]})
    if answers is None:
        metrics.count("clawdbot_limits_bypassed_total", len(asked))
        return [True] * len(groups)
    allowed = [True] * len(groups)
    for number, answer in zip(asked, answers, strict=True):
        allowed[number] = bool(answer)
    return allowed


def _ask(
    names: list[str], arguments: list[str | int], client: redis.Redis | None
) -> list[int] | None:
    global _away_until
    if time.monotonic() < _away_until:
        return None
    try:
        script = (client or core_redis.client()).register_script(_SCRIPT)
        answers: list[int] = script(keys=names, args=arguments)
    except (redis.RedisError, OSError):
        # The metric is the log: every batch of a long outage would write the same line.
        _away_until = time.monotonic() + _AWAY_PAUSE
        return None
    return answers


# While Redis is away one attempt in five seconds finds out; the others do not wait for a timeout.
_away_until = -math.inf


class LocalLimit:
    """A limit inside one process, for requests that were refused: no I/O, bounded memory.

    Thread-safe. Addresses of one IPv6 network of 64 bits count as one, because whoever has one
    has all of them. Beyond ``max_keys`` the longest unseen address is forgotten.
    """

    def __init__(self, rate: Rate, max_keys: int = 10_000) -> None:
        self._rate = rate
        self._max_keys = max_keys
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def hit(self, address: str, now: float) -> None:
        """Count one refused request."""
        if self._rate.count is None:
            return
        key = _network(address)
        with self._lock:
            start, used = self._window(key, now)
            self._windows[key] = (start, used + 1)
            self._windows.move_to_end(key)
            while len(self._windows) > self._max_keys:
                self._windows.popitem(last=False)

    def blocked(self, address: str, now: float) -> bool:
        """Tell, without counting, whether the address used up its window."""
        if self._rate.count is None or not self._windows:
            return False
        with self._lock:
            return self._window(_network(address), now)[1] >= self._rate.count

    def __len__(self) -> int:
        return len(self._windows)

    def _window(self, key: str, now: float) -> tuple[float, int]:
        start, used = self._windows.get(key, (now, 0))
        return (now, 0) if abs(now - start) >= self._rate.period else (start, used)


def _network(address: str) -> str:
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False))
