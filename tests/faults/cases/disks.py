"""Full disks: no room for logs and media, then none for the database."""

from __future__ import annotations

import time

from tests.faults.case import CannotRun, case
from tests.faults.run import Run
from tests.faults.site import EMBEDDED
from tests.services.disk import SmallDisk

FULL_S = 8
BACK_S = 30
SETTLES_S = 2  # what had begun may end
FILES = 5  # of PostgreSQL's journal, more than are ready


@case("F16", "no room on the disk for logs, then for the database",
      "磁盘写满：先是日志，后是数据库", count=1000)  # fmt: skip
def full(run: Run) -> None:
    """Without logs everything goes on. Without a database nothing is accepted, and nothing that
    needs an audit row is done; nothing is lost once there is room."""
    disks = run.site.disks
    if not disks:
        raise CannotRun("only root on Linux can mount a small disk")
    if run.site.setup != EMBEDDED:
        _logs(run, disks["home"])
    _database(run, disks["home" if run.site.setup == EMBEDDED else "database"])


def _logs(run: Run, disk: SmallDisk) -> None:
    began = time.monotonic()
    disk.fill()
    try:
        run.wait(FULL_S)
    finally:
        disk.free()
    statuses = {a.status for one in run.asked for a in one.event.attempts if a.began > began}
    run.check(max(statuses) < 300, f"without room for logs it answered {sorted(statuses)}")


def _database(run: Run, disk: SmallDisk) -> None:
    began = time.monotonic()
    run.site.ask("make_small")
    disk.fill()
    try:
        for _ in range(FILES):
            run.site.ask("use_up")
            run.wait(SETTLES_S / FILES)
        done = run.site.ledger.read_text()
        run.wait(FULL_S)
        run.check(run.site.ledger.read_text() == done, "something was done that was not audited")
        run.check(run.site.front.get("/healthz/live") == 200, "the web does not answer")
    finally:
        disk.free()
    ended = time.monotonic()
    postgres = run.site.servers.postgres
    if postgres is not None and not postgres.answers():
        postgres.crash()  # it gave up, as it does when it cannot even write its journal
        postgres.start()
    inside = [a for one in run.asked for a in one.event.attempts if began < a.began < ended]
    refused = [a for a in inside if a.outcome != "ok"]
    run.figures["refused"] = len(refused)
    run.check(refused, "everything was accepted without room")
    run.check(
        {a.status for a in refused} <= {503}, f"answers {sorted({a.status for a in refused})}"
    )
    run.until(run.sender.done, BACK_S, "an acceptance of every message")
