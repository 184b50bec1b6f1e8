"""What settings and `up` both know of folders: whose a data folder is, where sockets may live."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

MARKER = "installation.json"
DATABASE = "clawdbot.sqlite3"
SQLITE_PAGE = 4096
# What a fresh volume or a file manager may have put there.
HARMLESS = frozenset({"lost+found", ".DS_Store", ".gitkeep"})


def is_ours(home: Path) -> bool:
    """Does it carry the marker of an installation?"""
    return (home / MARKER).is_file()


def strange_in(home: Path) -> str:
    """The name of something in this folder that shows it to be somebody else's, or nothing.

    Raises OSError when the folder cannot be read.
    """
    if is_ours(home):
        return ""
    return min((entry.name for entry in home.iterdir() if not _is_harmless(entry)), default="")


def _is_harmless(entry: Path) -> bool:
    if entry.name.startswith(DATABASE):
        # A command that looked into an empty folder made SQLite's file; one with tables is larger.
        return entry.with_name(DATABASE).stat().st_size <= SQLITE_PAGE
    return entry.name in HARMLESS


def private_folder(home: Path) -> Path:
    """The folder's path (not made here), the same for every process of one installation."""
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"clawdbot-{os.geteuid()}-{digest}"


def mark(home: Path, role: str) -> Path:
    """The file that a child writes when it begins to work, and again at each sign of life."""
    return home / "run" / f"{role}.ready"


def wanted(home: Path, role: str) -> Path:
    """The file whose presence tells `up` that a child is wanted which not every house needs."""
    return home / "run" / f"{role}.wanted"
