"""What a forked child of `up` runs in the tests: it writes down how it found itself, then waits.

python -m tests.console.forked_child REPORT [sleep | text | three | raise]
"""

from __future__ import annotations

import atexit
import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path


def state() -> dict[str, object]:
    """Everything that a fork could have from its parent and a new program has not."""
    numbers = [int(path.name) for path in Path("/proc/self/fd").iterdir()]
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "session": os.getsid(0),
        "argv": sys.argv[1:],
        "descriptors": [number for number in numbers if Path(f"/proc/self/fd/{number}").exists()],
        "input": str(Path("/proc/self/fd/0").readlink()),
        "output": [str(Path(f"/proc/self/fd/{number}").readlink()) for number in (1, 2)],
        "handlers": [str(signal.getsignal(number)) for number in (15, 1, 17)],
        "interrupt": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
        "wakeup": signal.set_wakeup_fd(-1),
        "random": random.random(),
        "threads": threading.active_count(),
        "django": "apps.assistant.models" in sys.modules,
        "environment": os.environ.get("FORKED"),
    }


def main() -> None:
    """Write the report in one step, then end as it was asked to."""
    report, end = Path(sys.argv[1]), sys.argv[2]
    fresh = report.with_suffix(".new")
    fresh.write_text(json.dumps(state()))
    fresh.replace(report)
    atexit.register(print, "at exit")
    if end == "text":
        sys.exit("the disk is full")
    if end == "three":
        sys.exit(3)
    if end == "raise":
        raise RuntimeError("nobody expected this")
    time.sleep(600)


if __name__ == "__main__":
    main()
