"""Finds COMMITs in what a PostgreSQL client sends (frontend protocol 3.0)."""

from __future__ import annotations

import struct

STARTUP = 196608
#: Requests that are answered by one byte, after which another packet without a type follows.
ASKS = {80877103, 80877104}  # SSLRequest, GSSENCRequest


class CommitFinder:
    """Fed with one connection's bytes in pieces of any size; what is no PostgreSQL finds none."""

    def __init__(self) -> None:
        self._buffer = b""
        self._started = False
        self._foreign = False

    def feed(self, data: bytes) -> int:
        """How many COMMITs were completed by these bytes."""
        if self._foreign:
            return 0
        self._buffer += data
        while not self._started and self._skip_opening():
            continue
        found = 0
        while self._started and (packet := self._packet()):
            found += is_commit(packet)
        return found

    def _skip_opening(self) -> bool:
        """Pass over one packet without a type; False when there is none or it is foreign."""
        if len(self._buffer) < 8:
            return False
        length, code = struct.unpack_from("!II", self._buffer)
        if code not in {STARTUP, *ASKS}:
            self._foreign, self._buffer = True, b""
            return False
        if len(self._buffer) < length:
            return False
        self._buffer = self._buffer[length:]
        self._started = code == STARTUP
        return True

    def _packet(self) -> bytes:
        """The next whole packet, its type first; empty when there is none yet."""
        if len(self._buffer) < 5:
            return b""
        (length,) = struct.unpack_from("!I", self._buffer, 1)
        if len(self._buffer) < 1 + length:
            return b""
        packet, self._buffer = self._buffer[: 1 + length], self._buffer[1 + length :]
        return packet


def is_commit(packet: bytes) -> bool:
    """Is it a simple query, or a statement to be prepared, that says COMMIT?"""
    kind, body = packet[:1], packet[5:]
    if kind == b"P":
        body = body.partition(b"\0")[2]
    return kind in {b"Q", b"P"} and body.lstrip().upper().startswith(b"COMMIT")
