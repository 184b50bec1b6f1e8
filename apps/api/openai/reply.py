"""An answer of the gateway, before anybody writes it to a connection."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

COMMON = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Reply:
    """A JSON document, or, where `events` is set, a stream of server-sent events."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    events: AsyncGenerator[bytes, None] | None = None

    @property
    def all_headers(self) -> dict[str, str]:
        """With the content type."""
        kind = "application/json" if self.events is None else "text/event-stream; charset=utf-8"
        return {"content-type": kind, **COMMON, **self.headers}

    def encoded(self) -> bytes:
        """The document."""
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


def event(data: Any) -> bytes:
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"data: {text}\n\n".encode()
