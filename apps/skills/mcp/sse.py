"""Server-sent events out of a stream of bytes (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

from collections.abc import AsyncIterator


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give the data of each `message` event; one that the stream cuts off is not given."""
    data: list[bytes] = []
    kind = b"message"
    async for line in _lines(chunks):
        if not line:
            if data and kind == b"message":
                yield b"\n".join(data)
            data, kind = [], b"message"
            continue
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        elif name == b"event":
            kind = value


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines that end in LF, CR LF or CR; linear in what comes, however it is cut up."""
    parts: list[bytes] = []
    skip = False  # a LF that belongs to the CR before it
    async for chunk in chunks:
        if skip and chunk[:1] == b"\n":
            chunk = chunk[1:]
        skip = False
        *whole, rest = _split(chunk)
        for line in whole:
            yield b"".join((*parts, line))
            parts.clear()
        parts.append(rest)
        skip = chunk[-1:] == b"\r"


def _split(chunk: bytes) -> list[bytes]:
    if b"\r" not in chunk:
        return chunk.split(b"\n")
    return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
