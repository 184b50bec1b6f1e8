"""Turns what a caller gives into the bytes of an HTTP/1.1 request, and unpacks what comes back."""

from __future__ import annotations

import re
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from apps.core import strictjson
from apps.core.addresses import Target
from apps.core.http_errors import Refused, TooLarge, Unknown

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# What decides where a message ends is ours alone: two opinions on it would be request smuggling.
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect"})


@dataclass(frozen=True, slots=True)
class File:
    """One file of a multipart form."""

    name: str
    content: bytes
    content_type: str = "application/octet-stream"


def encoded(
    *,
    json: Any = None,
    data: Mapping[str, str] | None = None,
    files: Mapping[str, File] | None = None,
    body: bytes | None = None,
) -> tuple[bytes | None, str]:
    """Return the body and its content type; no body at all is None. Give one of them.

    ``data`` goes with ``files``; both together make a multipart form.
    """
    if sum(given is not None for given in (json, files or data, body)) > 1:
        raise ValueError("a request has one body")
    if json is not None:
        return strictjson.dumps(json).encode(), "application/json; charset=utf-8"
    if files:
        return _multipart(data or {}, files)
    if data is not None:
        return urlencode(data).encode(), "application/x-www-form-urlencoded"
    return body, "application/octet-stream"


def serialized(
    method: str, target: Target, headers: Mapping[str, str], body: bytes | None, content_type: str
) -> bytes:
    """Return the whole request; raises ``Refused`` for headers that could break out of it."""
    if method not in METHODS:
        raise Refused("not a method", host=target.host)
    lines = {"host": target.authority, "user-agent": "ClawdBot", "accept-encoding": "identity"}
    if body is not None:
        lines["content-type"] = content_type
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or name.lower() in _OURS:
            raise Refused("a header that may not be sent", host=target.host)
        lines[name.lower()] = value
    if body is not None or method in {"POST", "PUT", "PATCH"}:
        lines["content-length"] = str(len(body or b""))
    head = f"{method} {target.path} HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return (head + "\r\n").encode("latin-1") + (body or b"")


def decoded(headers: Mapping[str, str], body: bytes, max_bytes: int, host: str) -> bytes:
    """Undo a content coding that was sent although we asked for none.

    Raises ``TooLarge`` when more than ``max_bytes`` would come out, ``Unknown`` for other codings.
    """
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding in {"", "identity"} or not body:
        return body
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise Unknown("an unknown content coding", host=host)
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        plain = unpacker.decompress(body, max_bytes + 1)
    except zlib.error:
        raise Unknown("a broken content coding", host=host) from None
    if len(plain) > max_bytes:
        raise TooLarge(f"more than {max_bytes} bytes", host=host)
    if not unpacker.eof:
        raise Unknown("a broken content coding", host=host)
    return plain


def _multipart(data: Mapping[str, str], files: Mapping[str, File]) -> tuple[bytes, str]:
    boundary = secrets.token_hex(16)
    parts: list[bytes] = []
    for field, value in data.items():
        parts.append(_part(boundary, f'name="{_quoted(field)}"', "") + value.encode())
    for field, file in files.items():
        names = f'name="{_quoted(field)}"; filename="{_quoted(file.name)}"'
        kind = file.content_type if _VALUE.fullmatch(file.content_type) else "text/plain"
        parts.append(_part(boundary, names, f"Content-Type: {kind}\r\n") + file.content)
    body = b"\r\n".join([*parts, f"--{boundary}--\r\n".encode()])
    return body, f"multipart/form-data; boundary={boundary}"


def _part(boundary: str, names: str, more: str) -> bytes:
    return f"--{boundary}\r\nContent-Disposition: form-data; {names}\r\n{more}\r\n".encode()


def _quoted(name: str) -> str:
    # The three characters that the HTML standard has browsers escape in multipart names.
    return re.sub(r'[\r\n"]', lambda found: quote(found[0]), name)
