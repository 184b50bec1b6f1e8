"""Reads multipart forms (RFC 7578) as a strict server does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from apps.simulate.server import Call


@dataclass(frozen=True)
class Part:
    """One field; `filename` is "" for what is no file."""

    filename: str
    content_type: str
    content: bytes

    @property
    def text(self) -> str:
        """The field as text."""
        return self.content.decode()


def parts_of(call: Call) -> dict[str, Part]:
    """The fields by their names; raises ValueError for what is no such form."""
    kind = call.headers.get("content-type", "")
    boundary = re.fullmatch(r"multipart/form-data; ?boundary=\"?([^\s\";]+)\"?", kind)
    if boundary is None:
        raise ValueError("not a multipart form")
    first, *pieces, last = call.body.split(b"--" + boundary[1].encode())
    if first or last.strip(b"\r\n") != b"--":
        raise ValueError("the form does not begin or end")
    found: dict[str, Part] = {}
    for piece in pieces:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines if ": " in line)
        lower = {name.lower(): value for name, value in fields.items()}
        named = re.search(r'\bname="([^"]*)"', lower.get("content-disposition", ""))
        file = re.search(r'filename="([^"]*)"', lower.get("content-disposition", ""))
        if named is None or named[1] in found:
            raise ValueError("a field without a name, or twice")
        kind = lower.get("content-type", "")
        found[named[1]] = Part(file[1] if file else "", kind, content.removesuffix(b"\r\n"))
    return found
