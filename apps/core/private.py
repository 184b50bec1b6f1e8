"""A private folder for sockets whose path in the data folder would be too long for the kernel."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path


def private_folder(home: Path) -> Path:
    """The folder's path (not made here), the same for every process of one installation."""
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"clawdbot-{os.geteuid()}-{digest}"
