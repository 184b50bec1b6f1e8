"""Genuine events with something changed in them: bytes, values of the JSON, texts of the XML."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from hypothesis import strategies as st

Path = tuple[str | int, ...]

_DEEP: Any = "x"
for _ in range(70):
    _DEEP = [_DEEP]
JUNK: list[Any] = [
    *(None, True, False, 0, -1, 7, 2**31, 2**63, 10**30, -1.5, 1e300, float("inf"), float("nan")),
    *("", " ", "\0", "\ud800", "x" * 300, "汉" * 300, "../../etc/passwd", "@_user_1", "<at>"),
    *("0", "-1", "１２", "1e9", "null", "http://127.0.0.1/", "&lt;", "]]>", "<!DOCTYPE a>"),
    *([], {}, [[]], [None], {"": ""}, {"a": {"b": []}}, ["x", 1], _DEEP),
]
BYTES = [b"", b"\0", b"\xff", b'"', b"{", b"}", b"[", b"<", b">", b"&", b"\\", b",", b"0", b"\n"]
XML_TEXT = re.compile(rb">(?:<!\[CDATA\[)?([^<\]]+)(?:\]\]>)?<")
XML_JUNK = [b"", b"0", b"-1", b"x" * 300, b"<a/>", b"&x;", b"]]>", b"\0", b"\xff", b"\xe6\xb1\x89"]


def mutated(plains: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """One of these events with something changed in it."""
    ways = [_cut(plain) for plain in plains]
    # Twice, as most of what is cut is no longer JSON or XML.
    ways += [_tree_changed(plain) for plain in plains if _tree(plain) is not None] * 2
    ways += [_text_changed(plain) for plain in plains if plain.lstrip().startswith(b"<")] * 2
    return st.one_of(ways)


def changed(body: bytes, place: int, add: int) -> bytes:
    """The body with another byte at this place."""
    return body[:place] + bytes([(body[place] + add) % 256]) + body[place + 1 :]


def _cut(plain: bytes) -> st.SearchStrategy[bytes]:
    """A piece of the bytes cut out and something put there."""
    place = st.integers(0, len(plain))
    junk = st.sampled_from(BYTES) | st.binary(max_size=6)
    return st.tuples(place, st.integers(0, 30), junk).map(
        lambda cut: plain[: cut[0]] + cut[2] + plain[cut[0] + cut[1] :]
    )


def _tree(plain: bytes) -> Any:
    """The JSON in an event; a form's `payload` counts. None when there is none."""
    if plain.startswith(b"payload="):
        plain = dict(parse_qsl(plain.decode()))["payload"].encode()
    try:
        return json.loads(plain)
    except ValueError:
        return None


def _tree_changed(plain: bytes) -> st.SearchStrategy[bytes]:
    """One or two values of the JSON replaced, or left out."""
    tree = _tree(plain)
    paths = list(_paths(tree))
    # The last kind of junk is that nothing is there.
    change = st.tuples(st.integers(0, len(paths) - 1), st.integers(0, len(JUNK)))

    def apply(changes: list[tuple[int, int]]) -> bytes:
        made = copy.deepcopy(tree)
        for path, kind in changes:
            junk = copy.deepcopy(JUNK[kind]) if kind < len(JUNK) else None
            made = _replaced(made, paths[path], junk, leave_out=kind == len(JUNK))
        text = json.dumps(made)
        form = plain.startswith(b"payload=")
        return (urlencode({"payload": text}) if form else text).encode()

    return st.lists(change, min_size=1, max_size=2).map(apply)


def _paths(tree: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    inside: Any = ()
    if isinstance(tree, dict):
        inside = tree.items()
    elif isinstance(tree, list):
        inside = enumerate(tree)
    elif isinstance(tree, str) and tree.startswith("{"):
        return  # JSON inside a string is reached by cutting
    for name, value in inside:
        yield from _paths(value, (*path, name))


def _replaced(tree: Any, path: Path, junk: Any, *, leave_out: bool) -> Any:
    if not path:
        return junk
    holder = tree
    for name in path[:-1]:
        try:
            holder = holder[name]
        except (KeyError, IndexError, TypeError):
            return tree  # an earlier change took it away
    try:
        if leave_out:
            del holder[path[-1]]
        else:
            holder[path[-1]] = junk
    except (KeyError, IndexError, TypeError):
        pass
    return tree


def _text_changed(plain: bytes) -> st.SearchStrategy[bytes]:
    """The text of one element of the XML replaced, or a DTD put in front."""
    spans = [match.span(1) for match in XML_TEXT.finditer(plain)]
    texts = st.tuples(st.sampled_from(spans), st.sampled_from(XML_JUNK)).map(
        lambda cut: plain[: cut[0][0]] + cut[1] + plain[cut[0][1] :]
    )
    dtd = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    return texts | st.just(dtd + plain)
