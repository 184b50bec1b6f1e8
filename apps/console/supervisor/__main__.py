"""The small process that `manage.py up` becomes: it knows the plan and no Django.

Started as `python -m apps.console.supervisor LOCK_FD PLAN_FD manage.py up …`; what comes after the
two descriptors is only there to be read in a list of processes.
"""

from __future__ import annotations

import io
import os
import sys

from apps.console.supervisor.spec import Plan
from apps.console.supervisor.supervisor import Supervisor


def main() -> int:
    """Read the plan, watch its children, return the exit status."""
    lock_fd, plan_fd = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(lock_fd, False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console that knows no Chinese
    with os.fdopen(plan_fd) as plan:
        found = Plan.from_json(plan.read())
    return Supervisor(found).run()


sys.exit(main())
