"""One exact spelling of an audit row, so that its tag can be computed again years later.

What goes into ``data`` must come back from SQLite's text and PostgreSQL's jsonb the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apps.audit.models import AuditRow, Seal

#: Every column that says what happened; the key, the tag and the seal are the chain's.
CONTENT = (
    "at",
    "producer",
    "seq",
    "actor",
    "actor_label",
    "action",
    "object_type",
    "object_id",
    "object_label",
    "outcome",
    "trace_id",
    "data",
)
ROW_PURPOSE = "audit"
SEAL_PURPOSE = "audit seal"
_MAX_DEPTH = 32
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)
_LENGTHS = {field.name: field.max_length for field in AuditRow._meta.concrete_fields}


def text(value: object, column: str = "") -> str:
    """Return what a text column keeps of `value`: no NUL, no lone surrogate, not too long.

    What happened must be written down whatever a stranger calls himself.
    """
    clean = str(value)
    if not clean.isascii() or "\x00" in clean:
        clean = clean.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    return clean[: _LENGTHS[column]] if column else clean


def plain(value: object, depth: int = 0) -> Any:
    """Return `value` as JSON that every database gives back unchanged."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return _number(value)
    if depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {text(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, depth + 1) for item in value]
    return text(value.isoformat() if isinstance(value, datetime) else value)


def _number(value: float) -> int | float | str:
    # jsonb keeps 1e3 as 1000 and knows no infinity.
    if not math.isfinite(value):
        return str(value)
    return int(value) if value.is_integer() else value


def row_bytes(values: Mapping[str, Any]) -> bytes:
    """Return what the tag of a row is computed over."""
    content = {name: values[name] for name in CONTENT}
    content["at"] = stamp(content["at"])
    return _json(content)


def seal_bytes(seal: Seal) -> bytes:
    """Return what the tag of a seal is computed over."""
    names = ("number", "first_id", "last_id", "rows", "previous", "digest")
    content: dict[str, Any] = {name: getattr(seal, name) for name in names}
    content["at"] = stamp(seal.at)
    return _json(content)


def stamp(at: datetime) -> str:
    """Return a time in UTC with all six digits of its microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _json(content: Mapping[str, Any]) -> bytes:
    return _ENCODER.encode(content).encode("utf-8", "surrogatepass")
