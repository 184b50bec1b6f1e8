"""Reads foreign JSON objects one typed field at a time, so that no surprise travels further."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from apps.core import strictjson

#: Room for a platform's id in our tables, with the prefix of a key.
MAX_ID = 200
#: More digits than any clock needs, few enough to be cheap to read.
_MAX_DIGITS = 15


class Malformed(ValueError):
    """A field is missing, has another type, or is too long."""


def parse_object(data: bytes | str) -> dict[str, Any]:
    """The JSON object in `data`, read strictly. Raises `Malformed`."""
    try:
        value = strictjson.loads(data)
    except strictjson.MalformedJson as error:
        raise Malformed(str(error)) from error
    if not isinstance(value, dict):
        raise Malformed("not an object")
    return value


def object_at(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object under `key`. Raises `Malformed` when there is none."""
    value = data.get(key)
    if not isinstance(value, dict):
        raise Malformed(f"{key} is not an object")
    return value


def optional_object(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object under `key`, empty when it is absent or null."""
    return {} if data.get(key) is None else object_at(data, key)


def list_at(data: Mapping[str, Any], key: str) -> list[Any]:
    """The list under `key`, empty when it is absent or null."""
    value = data.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f"{key} is not a list")
    return value


def text_at(data: Mapping[str, Any], key: str) -> str:
    """The string under `key`, of any length. Raises `Malformed` when there is none."""
    value = data.get(key)
    if not isinstance(value, str):
        raise Malformed(f"{key} is not a string")
    return value


def optional_text(data: Mapping[str, Any], key: str) -> str:
    """The string under `key`, "" when it is absent or null."""
    return "" if data.get(key) is None else text_at(data, key)


def id_at(data: Mapping[str, Any], key: str) -> str:
    """An id: a string of 1 to 200 characters. Raises `Malformed`."""
    value = text_at(data, key)
    if not 1 <= len(value) <= MAX_ID:
        raise Malformed(f"{key} has a wrong length")
    return value


def same(given: str, expected: str) -> bool:
    """Compare in constant time; nothing equals an empty secret."""
    left, right = given.encode("utf-8", "replace"), expected.encode("utf-8", "replace")
    return hmac.compare_digest(left, right) and bool(right)


def clock_fault(stamp: str, now: float, max_skew_s: float) -> str | None:
    """The reason to refuse a timestamp in unix seconds, or None when it is within the window.

    Only ASCII digits count as a number. Exactly `max_skew_s` away, before or after, is within.
    """
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _MAX_DIGITS):
        return "bad_timestamp"
    return None if abs(now - int(stamp)) <= max_skew_s else "stale"
