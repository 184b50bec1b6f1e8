"""Is a child ready? Asked with plain sockets, so that the parent loads no HTTP client."""

from __future__ import annotations

import socket
import time
from pathlib import Path

PATIENCE_S = 1.0


def is_ready(probe: str) -> bool:
    """Ask once: `socket:PATH` (a Redis server), `http:HOST:PORT:PATH` or `file:PATH`."""
    kind, _, rest = probe.partition(":")
    if kind == "file":
        return Path(rest).exists()
    try:
        if kind == "socket":
            return ping(rest)
        host, port, path = rest.rsplit(":", 2)
        return _http(host, int(port), path)
    except OSError:
        return False


def sign(probe: str) -> float | None:
    """Something that changes as long as the child lives; None when there is nothing to see."""
    kind, _, rest = probe.partition(":")
    if kind != "file":
        return time.monotonic() if is_ready(probe) else None
    try:
        return Path(rest).stat().st_mtime  # written again and again by whoever works there
    except OSError:
        return None


def ping(path: str) -> bool:
    """Does a Redis server on this unix socket answer, with its data loaded? May raise OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(path)
        connection.sendall(b"PING\r\n")
        return connection.recv(64).startswith(b"+PONG")


def _http(host: str, port: int, path: str) -> bool:
    with socket.create_connection((host, port), timeout=PATIENCE_S) as connection:
        request = f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        status = connection.recv(64).split(b" ", 2)
        return len(status) > 1 and status[1] == b"200"
