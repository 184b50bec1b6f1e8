"""Flower's secret and its configuration file, so that neither is on a command line.

Flower without a login shows every task to whoever reaches its port.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

USER = "clawdbot"


def credentials(home: Path) -> tuple[str, str]:
    """The name and password of Flower's own port, for the proxy that stands in front of it.

    Raises FileNotFoundError before first start.
    """
    name, _, password = (home / "secrets" / "flower").read_text().strip().partition(":")
    return name, password


def ensure_secret(home: Path) -> None:
    """Make the secret once."""
    path = home / "secrets" / "flower"
    if not path.exists():
        write_private(path, f"{USER}:{secrets.token_urlsafe(32)}\n")


def write_config(home: Path, port: int) -> Path:
    """Write Flower's configuration (a Python file, as tornado.options reads it), 0600."""
    name, password = credentials(home)
    path = home / "secrets" / "flowerconfig.py"
    options = {
        "address": "127.0.0.1",
        "port": port,
        "basic_auth": [f"{name}:{password}"],
        "cookie_secret": secrets.token_urlsafe(32),
        "url_prefix": "flower",
        "read_only": True,
        "max_tasks": 5000,
        "purge_offline_workers": 300,
    }
    write_private(path, "".join(f"{key} = {value!r}\n" for key, value in options.items()))
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, complete or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
