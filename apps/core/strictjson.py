"""JSON from outside, read so that nothing in it can surprise the database or mean two things.

Order of a load: bytes to text, cheap scans of the text, then the C parser of the standard library
with hooks. Each scan is one pass in C; ordinary bodies never reach a loop in Python.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any, NoReturn

MAX_DEPTH = 64
MAX_INT_DIGITS = 64

_NOT_BRACKET = bytes(byte for byte in range(256) if chr(byte) not in "[]{}")
# +1 for an opening bracket, -1 for a closing one, looked up by the byte itself.
_STEP = [1 if chr(b) in "[{" else -1 if chr(b) in "]}" else 0 for b in range(256)]
_SURROGATE = re.compile(
    r"\\u[dD](?:"
    r"[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|[c-fC-F][0-9a-fA-F]{2}(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r")"
)


class MalformedJson(ValueError):
    """The text is not JSON that may be trusted; ``reason`` is a short name of the fault."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def loads(data: bytes | str) -> Any:
    """Return the value of one strict JSON text.

    Refused with ``MalformedJson``: anything but UTF-8 without byte-order mark, NaN and infinities
    (also by overflow, as 1e999), duplicate keys, lone surrogates and NUL (raw or escaped), nesting
    of more than 64 levels, integers of more than 64 digits. Nothing else is ever raised.
    """
    text = _text(data)
    _check_depth(text)
    if "\\u" in text:
        _check_escapes(text)
    try:
        return _DECODER.decode(text)
    except MalformedJson:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedJson("syntax") from error


def dumps(obj: Any, *, sort_keys: bool = False) -> str:
    """Return compact JSON; with ``sort_keys`` the same value always gives the same text.

    Raises ``MalformedJson`` for what ``loads`` would refuse to read back as text (NaN, infinities,
    lone surrogates) and ``TypeError`` for objects that JSON does not know.
    """
    try:
        text = json.dumps(
            obj, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=sort_keys
        )
        text.encode()
    except UnicodeEncodeError as error:
        raise MalformedJson("surrogate") from error
    except (ValueError, RecursionError) as error:
        raise MalformedJson("value") from error
    return text


def _text(data: bytes | str) -> str:
    try:
        text = data.decode() if isinstance(data, bytes) else data
        if isinstance(data, str) and not data.isascii():
            data.encode()
    except UnicodeError as error:
        raise MalformedJson("encoding") from error
    if text.startswith("\ufeff"):
        raise MalformedJson("byte-order mark")
    if "\0" in text:
        raise MalformedJson("NUL")
    return text


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    if "\\" in text:
        text = text.replace("\\\\", "").replace('\\"', "")
    # Between quotes every second piece is a string, whose brackets do not nest anything.
    bare = "".join(text.split('"')[::2]).encode().translate(None, _NOT_BRACKET)
    if max(itertools.accumulate(map(_STEP.__getitem__, bare)), default=0) > MAX_DEPTH:
        raise MalformedJson("too deep")


def _check_escapes(text: str) -> None:
    surrogates = "\\ud" in text or "\\uD" in text
    if not surrogates and "\\u0000" not in text:
        return
    # An escaped backslash is blanked, not removed: what stood round it must not become neighbours.
    text = text.replace("\\\\", "  ")
    if "\\u0000" in text:
        raise MalformedJson("NUL")
    if surrogates and _SURROGATE.search(text):
        raise MalformedJson("surrogate")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise MalformedJson("duplicate key")
    return value


def _int(digits: str) -> int:
    if len(digits) > MAX_INT_DIGITS:
        raise MalformedJson("number too long")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if value - value != 0:
        raise MalformedJson("number out of range")
    return value


def _constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_int, parse_float=_float, parse_constant=_constant
)
