"""Lines: rows that must be worked in their order, one at a time for each line (a conversation).

Only the first open row of a line may be claimed. A claim looks at the next few hundred candidates,
so that it costs the same whether a hundred rows wait or a hundred thousand; whoever comes by now
and then (the sweeper) looks further back, each time from where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet, Subquery

from apps.core.sql import Among, Behind, Prepared, Slot
from apps.core.work import Claim, WorkItem, claimable

Item = TypeVar("Item", bound=WorkItem)
#: Where a row stands in the order of urgency: its turn, then its key.
Place = tuple[int, int]
START: Place = (-1, 0)
WINDOW = 400


@dataclass(frozen=True)
class Heads:
    """First rows of their lines, the most urgent one first: (key, due since) each."""

    found: tuple[tuple[int, datetime], ...]
    #: Where to look on; the start once all candidates were looked at.
    rest: Place

    @property
    def keys(self) -> list[int]:
        """Their keys."""
        return [key for key, _ in self.found]


class Line(Generic[Item]):
    """The first rows of lines among some candidates.

    `candidates` gives a queryset with a slot `now`, in the order of turn and key; `line` the open
    rows in the line of an outer row, first one first. `light` is that of `Claim`.
    """

    def __init__(
        self,
        candidates: Callable[[], QuerySet[Item]],
        line: Callable[[], QuerySet[Item]],
        *,
        light: bool = False,
    ) -> None:
        self._near = Prepared(
            lambda: (
                candidates()
                .filter(Behind(turn="after_turn", pk="after_key"))
                .annotate(first=Subquery(line().values("pk")[:1]))
                .values_list("pk", "first", "not_before", "turn")
            ),
            window=True,
        )
        self._take: Claim[Item] = Claim(
            lambda: claimable(candidates().model, Slot("now")).filter(Among("pk", "keys")),
            light=light,
        )

    def look(
        self, *, now: datetime, after: Place = START, window: int = WINDOW, **values: Any
    ) -> Heads:
        """The heads among `window` candidates that stand behind a place. Reads only."""
        turn, key = after
        rows = self._near.rows(window, 0, now=now, after_turn=turn, after_key=key, **values)
        found = ((pk, due) for pk, first, due, _ in rows if first is None or pk <= first)
        rest = (rows[-1][3], rows[-1][0]) if len(rows) == window else START
        return Heads(tuple(found), rest)

    def take(self, heads: Heads, limit: int, *, now: datetime) -> list[Item]:
        """Lease up to `limit` of them, those that are still free."""
        keys = heads.keys[:limit]
        return self._take.run(limit, now=now, keys=keys) if keys else []

    def claim(self, limit: int, *, now: datetime, **values: Any) -> list[Item]:
        """Look and take."""
        return self.take(self.look(now=now, **values), limit, now=now)
