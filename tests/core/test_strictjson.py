"""Strict JSON: everything that could surprise the database is refused, everything else is equal."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.strictjson import MAX_DEPTH, MalformedJson, dumps, loads

NASTY: dict[str, bytes | str] = {
    "empty": b"",
    "blank": b" \n",
    "open array": b"[1",
    "two values": b"1 2",
    "trailing comma": b"[1,]",
    "single quotes": b"{'a':1}",
    "comment": b"[1] // x",
    "leading zero": b"01",
    "plus": b"+1",
    "hexadecimal": b"0x10",
    "full-width digit": "[１]",
    "raw newline in string": b'"a\nb"',
    "bad escape": rb'"\x41"',
    "short escape": rb'"\u12"',
    "NaN": b'{"a": NaN}',
    "Infinity": b"[Infinity]",
    "-Infinity": b"[-Infinity]",
    "overflowing float": b"[1e999]",
    "overflowing negative float": b"[-1E400]",
    "duplicate key": b'{"role":"member","role":"administrator"}',
    "duplicate key by escape": rb'{"a":1,"\u0061":2}',
    "nested duplicate key": b'{"x":[{"a":1,"a":1}]}',
    "byte-order mark": b"\xef\xbb\xbf{}",
    "byte-order mark in text": "\ufeff{}",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-16 little endian": '{"a":1}'.encode("utf-16-le"),
    "UTF-32": '{"a":1}'.encode("utf-32-be"),
    "Latin-1": b'"\xe9"',
    "overlong": b'"\xc0\xaf"',
    "raw surrogate": b'"\xed\xa0\x80"',
    "raw surrogate in text": '"\ud800"',
    "high surrogate": rb'"\ud800"',
    "high surrogate, upper case": rb'"\uDBFF"',
    "low surrogate": rb'"\udc00"',
    "pair the wrong way round": rb'"\ude00\ud83d"',
    "pair and a third": rb'"\ud83d\ude00\ude00"',
    "two high": rb'"\ud83d\ud83d\ude00"',
    "pair split by a letter": rb'"\ud83d-\ude00"',
    "pair split by a backslash": rb'"\ud83d\\\ude00"',
    "surrogate in key": rb'{"\ud800":1}',
    "surrogate after escaped backslash": rb'"\\\ud800"',
    "raw NUL": b'"a\0b"',
    "NUL outside": b"\0[]",
    "NUL after": b"[]\0",
    "escaped NUL": rb'"a\u0000b"',
    "escaped NUL in key": rb'{"\u0000":1}',
    "escaped NUL after backslash": rb'"\\\u0000"',
    "65 deep": b"[" * 65 + b"]" * 65,
    "65 deep, mixed": b'{"a":[' * 32 + b"[1]" + b"]}" * 32,
    "deep behind strings full of closing brackets": b'["]]]]",' * 65 + b"1" + b"]" * 65,
    "deep behind escaped quotes": rb'["\"]\\",' * 65 + b"1" + b"]" * 65,
    "100,000 deep": b"[" * 100_000,
    "100,000 deep and closed": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects deep": b'{"a":' * 100_000,
    "65 digits": b"1" * 65,
    "100,000 digits": b"[" + b"9" * 100_000 + b"]",
    "negative 100,000 digits": b"-" + b"9" * 100_000,
    "100,000 digits as a float": b"9" * 100_000 + b".0",
}


@pytest.mark.parametrize("data", NASTY.values(), ids=NASTY.keys())
def test_nasty_json_is_refused(data: bytes | str) -> None:
    with pytest.raises(MalformedJson) as caught:
        loads(data)
    assert caught.value.reason


FINE: list[tuple[bytes, Any]] = [
    (b'{"a":[1,-2.5,true,false,null,"\xe4\xbd\xa0"]}', {"a": [1, -2.5, True, False, None, "你"]}),
    (rb'"\ud83d\ude00"', "😀"),
    (rb'"\uD83D\uDE00\uD83D\uDE00"', "😀😀"),
    (rb'"\\ud800"', r"\ud800"),
    (rb'"\\u0000"', r"\u0000"),
    (rb'"\\\\u0000"', r"\\u0000"),
    (rb'"\u0001"', "\x01"),
    (rb'"\ud7ff\ue000"', "\ud7ff\ue000"),
    (b"[" * 64 + b"]" * 64, None),
    (b'["[[[[[[[[[[",' * 63 + b"1" + b"]" * 63, None),
    (b'["' + b"[" * 5000 + b'","\\"' + b"{" * 5000 + b'"]', None),
    (b"[" + b"{}," * 5000 + b"{}]", None),
    (b"1" * 64, int("1" * 64)),
    (b"1e-999", 0.0),
]


@pytest.mark.parametrize(("data", "value"), FINE)
def test_fine_json_is_read_as_ever(data: bytes, value: Any) -> None:
    assert loads(data) == (value if value is not None else json.loads(data))


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**60), 10**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), inner
        )
    ),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_what_is_written_reads_back(value: Any) -> None:
    assert loads(dumps(value)) == value
    assert loads(dumps(value).encode()) == value
    assert loads(json.dumps(value)) == value


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [s for item in value for s in _strings(item)]
    if isinstance(value, dict):
        return [s for pair in value.items() for item in pair for s in _strings(item)]
    return []


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


ESCAPES = ["\\\\", "\\u0000", "\\ud83d", "\\ude00", "\\uDBFF", "\\uDC00", "\\u4f60", "a", '\\"']


@given(st.lists(st.sampled_from(ESCAPES)).map("".join))
def test_escapes_are_judged_by_what_they_become(body: str) -> None:
    text = f'["{body}"]'
    became = json.loads(text)[0]
    bad = "\0" in became or any(0xD800 <= ord(c) <= 0xDFFF for c in became)
    if bad:
        with pytest.raises(MalformedJson):
            loads(text)
    else:
        assert loads(text) == [became]


@given(st.lists(st.sampled_from(["[", "]", "{", '"', "\\", ",", ":", "1", '"a":']), max_size=400))
def test_nothing_but_malformed_is_raised(pieces: list[str]) -> None:
    text = "[" * (len(pieces) % 70) + "".join(pieces) + "]" * (len(pieces) % 70)
    try:
        value = loads(text)
    except MalformedJson:
        return
    assert value == json.loads(text)
    assert _depth(value) <= MAX_DEPTH


@given(st.binary())
def test_bytes_never_raise_anything_else(data: bytes) -> None:
    try:
        value = loads(data)
    except MalformedJson:
        return
    for text in _strings(value):
        assert "\0" not in text
        text.encode()


def test_a_megabyte_of_brackets_costs_less_than_a_second() -> None:
    start = time.perf_counter()
    with pytest.raises(MalformedJson):
        loads(b"[" * 1_000_000)
    with pytest.raises(MalformedJson):
        loads(b'{"":' * 250_000)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf], "\ud800", {"\udc00": 1}])
def test_dumps_refuses_what_cannot_be_sent(value: Any) -> None:
    with pytest.raises(MalformedJson):
        dumps(value)


def test_dumps_of_a_loop_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(MalformedJson):
        dumps(loop)


def test_dumps_is_canonical_when_sorted() -> None:
    assert dumps({"b": 1, "a": ["你", {"d": 1, "c": 2}]}, sort_keys=True) == (
        '{"a":["你",{"c":2,"d":1}],"b":1}'
    )


def test_dumps_refuses_strange_objects() -> None:
    with pytest.raises(TypeError):
        dumps({"a": object()})
