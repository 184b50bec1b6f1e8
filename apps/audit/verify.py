"""Read the whole chain again and find the first entry that is not as it was written.

Everything streams: memory grows with the number of database connections there were, not of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db.models import Max, Q

from apps.audit import head, problems
from apps.audit.canonical import CONTENT, ROW_PURPOSE, SEAL_PURPOSE, row_bytes, seal_bytes
from apps.audit.models import AuditRow, Seal
from apps.audit.seal import START, digest
from apps.core.crypto import mac_ok
from apps.core.i18n import Text

CHUNK = 1000
_COLUMNS = ("id", "seal_id", "mac", *CONTENT)
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """What was read, and the first thing that is wrong: ``row 17`` or ``seal 3``."""

    ok: bool
    rows: int
    seals: int
    first_broken: str = ""
    problem: Text | None = None


class _Broken(Exception):
    def __init__(self, entry: str, problem: Text) -> None:
        self.entry = entry
        self.problem = problem
        super().__init__(problem.en)


def verify() -> Report:
    """Check every row's tag, every producer's numbers, every seal, and where the chain ends.

    Safe to run while the system writes and seals.
    """
    reader = _Reader()
    try:
        reader.read()
    except _Broken as broken:
        return Report(False, reader.rows, reader.seals, broken.entry, broken.problem)
    return Report(True, reader.rows, reader.seals)


class _Reader:
    def __init__(self) -> None:
        self.rows = 0
        self.seals = 0
        self._numbers: dict[str, int] = {}

    def read(self) -> None:
        # The noted end first, then the last seal: what is sealed meanwhile cannot confuse them.
        noted = _noted()
        end = Seal.objects.aggregate(end=Max("number"))["end"] or 0
        self._sealed(end, noted)
        if noted and noted.number > end:
            raise _Broken(f"seal {end + 1}", problems.cut_off(end, noted.number))
        self._unsealed(end)

    def _sealed(self, end: int, noted: head.Head | None) -> None:
        groups = groupby(_rows(Q(seal_id__lte=end), "seal_id", "id"), lambda row: row["seal_id"])
        group = next(groups, None)
        previous = START
        for seal in Seal.objects.filter(number__lte=end).order_by("number").iterator(CHUNK):
            self._seal(seal, previous)
            if group is not None and group[0] == seal.number:
                rows = [self._row(row) for row in group[1]]
                group = next(groups, None)
            else:
                rows = []
            _contents(seal, rows)
            if noted and noted.number == seal.number and noted.digest != seal.digest:
                raise _Broken(f"seal {seal.number}", problems.OTHER_CHAIN)
            previous = seal.digest
        if group is not None:
            raise _Broken(f"seal {group[0]}", problems.SEAL_GONE)

    def _unsealed(self, end: int) -> None:
        later: set[int] = set()
        for row in _rows(Q(seal=None) | Q(seal_id__gt=end), "id"):
            self._row(row)
            if row["seal_id"] is not None:
                later.add(row["seal_id"])
        later.difference_update(
            Seal.objects.filter(number__gt=end).values_list("number", flat=True)
        )
        if later:
            raise _Broken(f"seal {min(later)}", problems.SEAL_GONE)

    def _seal(self, seal: Seal, previous: str) -> None:
        entry = f"seal {self.seals + 1}"
        if seal.number != self.seals + 1:
            raise _Broken(entry, problems.SEAL_GONE)
        if not mac_ok(seal_bytes(seal), SEAL_PURPOSE, seal.mac):
            raise _Broken(entry, problems.SEAL_CHANGED)
        if seal.previous != previous:
            raise _Broken(entry, problems.SEAL_LOOSE)
        self.seals += 1

    def _row(self, row: Values) -> tuple[int, str]:
        """Check one row and return its key and tag."""
        entry, producer, seq = f"row {row['id']}", row["producer"], row["seq"]
        tag: str = row["mac"]
        if not mac_ok(row_bytes(row), ROW_PURPOSE, tag):
            raise _Broken(entry, problems.ROW_CHANGED)
        expected = self._numbers.get(producer, 0) + 1
        if seq > expected:
            raise _Broken(entry, problems.row_gone(producer, expected, seq))
        if seq < expected:
            raise _Broken(entry, problems.ROW_MOVED)
        self._numbers[producer] = expected
        self.rows += 1
        return row["id"], tag


def _contents(seal: Seal, rows: list[tuple[int, str]]) -> None:
    if len(rows) != seal.rows:
        raise _Broken(f"seal {seal.number}", problems.rows_gone(seal.rows, len(rows)))
    if digest(seal.previous, rows) != seal.digest:
        raise _Broken(f"seal {seal.number}", problems.ROWS_MOVED)


def _noted() -> head.Head | None:
    try:
        return head.read()
    except head.HeadError as error:
        raise _Broken("head", problems.bad_head(str(error))) from error


def _rows(where: Q, *order: str) -> Iterator[Values]:
    found = AuditRow.objects.filter(where).order_by(*order).values(*_COLUMNS)
    return iter(found.iterator(CHUNK))
