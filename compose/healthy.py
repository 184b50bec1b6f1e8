"""The containers' health check: do the parts named on the command line live, and does web answer?

Exit 0 or 1, with the reason.
"""

from __future__ import annotations

import os
import sys
import urllib.request
from pathlib import Path

HOME = Path(os.environ.get("CLAWDBOT_HOME", "/data"))
PORT = os.environ.get("CLAWDBOT_PORT", "8000")


def trouble(role: str) -> str:
    """Why this part is not well; empty when it is."""
    try:
        os.kill(int((HOME / "run" / f"{role}.pid").read_text()), 0)
        if role == "web":
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/healthz/live", timeout=4).close()
    except (OSError, ValueError) as error:
        return f"{role}: {error}"
    return ""


if __name__ == "__main__":
    sys.exit("\n".join(filter(None, map(trouble, sys.argv[1:]))) or 0)
