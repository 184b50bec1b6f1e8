"""What `manage.py up` becomes: a fresh process that knows the plan and watches the children.

Fresh, so that nothing of the first start (connections, threads, the tables' history) is in the
children that it forks.

Started as `python -m apps.console.supervisor LOCK_FD PLAN_FD manage.py up …`; what comes after the
two descriptors is only there to be read in a list of processes.
"""

from __future__ import annotations

import io
import os
import sys

from apps.console.supervisor import forked
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
    return Supervisor(found, launch=forked.launcher(found)).run()


sys.exit(main())
