"""An artificial slow-down, to see the gate fail: `BENCHMARK_BURDEN_MS=2 make gate`.

Loaded like any package's skill, and only when that variable is set: `ping` then burns so much CPU.
"""

from __future__ import annotations

import os
import time
from typing import Any

from apps.skills import base

VARIABLE = "BENCHMARK_BURDEN_MS"
SECONDS = float(os.environ.get(VARIABLE, "0")) / 1000
PING = base.registry()["ping"]
QUICK = PING.call


def slow(*args: Any, **kwargs: Any) -> Any:
    """What `ping` does, after some work for nothing."""
    ends = time.thread_time() + SECONDS
    while time.thread_time() < ends:
        pass
    return QUICK(*args, **kwargs)


object.__setattr__(PING, "call", slow)
