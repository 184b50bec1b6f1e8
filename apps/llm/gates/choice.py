"""Which store keeps the gates: Redis, and the database while Redis is away.

A process whose Redis does not answer goes to the database for five seconds, then tries again, and
takes the places it holds along. A change costs no more than one more burst, and, until the other
processes have taken theirs along (at their next heartbeat), calls at once beyond the limit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

from apps.core.logging import get_logger
from apps.llm.gates.redis_store import RedisStore
from apps.llm.gates.shapes import Store, StoreDown
from apps.llm.gates.sql_store import SqlStore

_log = get_logger(__name__)
Result = TypeVar("Result")
Turn = Callable[[Store], Result]

REDIS, DATABASE = RedisStore(), SqlStore()
AWAY_S = 5.0

_away_until = -math.inf
_current: Store = REDIS
#: Told when this process goes on with the other store, before anything else is asked there.
on_change: list[Callable[[Store], None]] = []


def ask(turn: Turn[Result]) -> Result:
    """Have a turn at the store of the moment. Raises `StoreDown` when neither answers."""
    global _away_until
    if time.monotonic() >= _away_until:
        try:
            return _at(REDIS, turn)
        except StoreDown as error:
            _away_until = time.monotonic() + AWAY_S
            _log.warning("model_gates.redis_away", error=str(error)[:200])
    return _at(DATABASE, turn)


def current() -> str:
    """The name of the store that this process asked last."""
    return _current.name


def _at(store: Store, turn: Turn[Result]) -> Result:
    global _current
    if store is not _current:
        for tell in on_change:
            tell(store)
        _current = store
    return turn(store)


def forget() -> None:
    """Try Redis again at once."""
    global _away_until
    _away_until = -math.inf
