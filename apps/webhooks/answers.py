"""What the outside is answered: one place for every status and body of the contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from apps.im.base import Received

ERRORS = {
    400: "malformed",
    403: "invalid signature",
    404: "unknown bot",
    405: "method not allowed",
    408: "too slow",
    413: "too large",
    429: "too many refused requests",
    503: "unavailable, deliver again",
}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `reason` is the label of the rejection metric, empty when accepted."""

    status: int
    body: Any
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def refuse(status: int, reason: str, error: str = "") -> Answer:
    """A refusal; 429 and 503 say when to come again."""
    headers = {"Retry-After": "5"} if status in {429, 503} else {}
    return Answer(status, {"error": error or ERRORS[status]}, reason, headers)


def rejected(received: Received) -> Answer:
    """The adapter's refusal in the contract's words."""
    error = "stale" if received.reason in {"stale", "bad_timestamp"} else ""
    return refuse(received.http_status, received.reason or "rejected", error)


def accepted(received: Received) -> Answer:
    """The platform's own success answer."""
    if received.body is not None:
        return Answer(received.http_status, received.body)
    return Answer(received.http_status, received.response if received.response is not None else {})
