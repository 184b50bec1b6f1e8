"""The one place that asks what time it is, so that everything above can be given another time."""

from __future__ import annotations

from datetime import UTC, datetime


def utcnow() -> datetime:
    """Return now as an aware datetime in UTC."""
    return datetime.now(UTC)
