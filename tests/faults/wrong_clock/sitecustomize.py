"""Mends what libfaketime breaks: it refuses Python's sleep when the monotonic clock stays right.

(It takes its shift off the absolute monotonic time that Python hands to clock_nanosleep.)
"""

from __future__ import annotations

import select
import time


def sleep(seconds: float) -> None:
    """`time.sleep`, by another system call."""
    select.select([], [], [], seconds)


time.sleep = sleep
