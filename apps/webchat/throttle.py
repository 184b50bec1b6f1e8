"""Guessing passwords is slow here: after ten wrong ones an address must wait for that name."""

from __future__ import annotations

import hashlib
import ipaddress
import time

import redis

from apps.core import redis as core_redis
from apps.core.limits import LocalLimit, Rate
from apps.core.logging import get_logger

WRONG = 10
PERIOD_S = 15 * 60
_log = get_logger(__name__)

# One round trip; the window opens with the first guess and is not prolonged by later ones.
_COUNT = """
local used = redis.call('INCR', KEYS[1])
if used == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return used
"""
# While Redis is away each process counts for itself: a guard must not open because of that.
_local = LocalLimit(Rate(WRONG, PERIOD_S))


class Guess:
    """One try of a password, counted before it is checked so that tries in parallel count too."""

    def __init__(self, address: str, name: str) -> None:
        known = f"{_place(address)}\n{name.strip().lower()}"
        digest = hashlib.sha256(known.encode()).hexdigest()
        self._name = digest
        self._key = f"clawdbot:sign-in:{digest}"

    def allowed(self) -> bool:
        """Count this try; False when too many before it were wrong."""
        try:
            used: int = core_redis.client().eval(_COUNT, 1, self._key, str(PERIOD_S))
        except (redis.RedisError, OSError):
            return self._allowed_here()
        return used <= WRONG

    def right(self) -> None:
        """The password was right: forget the tries before it."""
        try:
            core_redis.client().delete(self._key)
        except (redis.RedisError, OSError) as error:
            _log.warning("sign-in.redis_away", error=type(error).__name__)

    def _allowed_here(self) -> bool:
        now = time.time()
        if _local.blocked(self._name, now):
            return False
        _local.hit(self._name, now)
        return True


def _place(address: str) -> str:
    """Whoever has one IPv6 address has all of its network of 64 bits."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4 or found.ipv4_mapped:
        return str(found)
    return str(ipaddress.ip_network(f"{found}/64", strict=False))
