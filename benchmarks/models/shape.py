"""How much is asked, and how long a model takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """How much: calls at once, of so many seconds; `/ping` so often; kept up so long."""

    calls: int = 200
    first_s: float = 1.0
    total_s: float = 3.0
    pings: float = 20.0
    kept_s: float = 9.0
