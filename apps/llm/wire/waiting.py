"""How long a vendor asks us to wait: `Retry-After`, RFC 9110 section 10.2.3, and its relatives."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

LONGEST_S = 3600.0


def after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from 0 to an hour; None when nothing sensible is said. Names are in lower case."""
    millis = _number(headers.get("retry-after-ms", ""))
    seconds = millis / 1000 if millis is not None else _seconds(headers)
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_S)


def _seconds(headers: Mapping[str, str]) -> float | None:
    said = headers.get("retry-after", "").strip()
    number = _number(said)
    if number is not None:
        return number
    until = _moment(said)
    if until is None:
        return None
    # By the vendor's own clock: ours may be wrong.
    now = _moment(headers.get("date", ""))
    return until - (time.time() if now is None else now)


def _number(said: str) -> float | None:
    try:
        number = float(said)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _moment(said: str) -> float | None:
    try:
        return parsedate_to_datetime(said).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
