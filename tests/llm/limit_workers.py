"""Worker processes that ask for slots of one model; see test_limit_processes.

python -m tests.llm.limit_workers JSON. One program is started, which forks as many workers as are
asked for, each with a clock of its own that is wrong. A worker prints one line of JSON for each
slot: the times (of the machine's steady clock) before it was asked for, when it was had, and when
it was given back.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import django
import time_machine
from django.conf import settings

GIVEN = json.loads(sys.argv[1])
django.setup()
if GIVEN["store"] != "redis":
    # There is no Redis, and a database of this test alone.
    settings.REDIS_URL = f"unix://{GIVEN['folder']}/none.sock?db=0"
database = settings.DATABASES["default"]
SCHEMA = f"limits_{os.getpid()}"
if GIVEN["store"] == "postgresql":
    database["OPTIONS"] = {**database.get("OPTIONS", {}), "options": f"-c search_path={SCHEMA}"}
else:
    database["NAME"] = f"{GIVEN['folder']}/limits.sqlite3"

from django.db import connection  # noqa: E402

from apps.llm import limits  # noqa: E402
from apps.llm.gates import choice, keeper  # noqa: E402
from apps.llm.limit_errors import Limited  # noqa: E402
from apps.llm.limit_models import GateRow  # noqa: E402
from apps.llm.models import LanguageModel  # noqa: E402

ROW = LanguageModel(
    uid="11111111-1111-4111-8111-111111111111", name="m",
    qps=GIVEN.get("qps"), in_flight=GIVEN.get("in_flight"),
)  # fmt: skip


def main() -> None:
    """Fork the workers and wait for all; they do not outlive this."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    keeper.LEASE_S, keeper.BEAT_S = GIVEN.get("lease", 15.0), GIVEN.get("beat", 4.0)
    children: list[int] = []
    with tables():
        connection.close()
        try:
            for number in range(GIVEN["workers"]):
                children.append(fork(number))
            for child in children:
                os.waitpid(child, 0)
        finally:
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)


@contextlib.contextmanager
def tables() -> Iterator[None]:
    """What the gates need of a database, in a place of our own."""
    shared = GIVEN["store"] == "postgresql"
    if shared:
        connection.cursor().execute(f"CREATE SCHEMA {SCHEMA}")
    with connection.schema_editor() as editor:
        editor.create_model(GateRow)
    try:
        yield
    finally:
        if shared:
            connection.cursor().execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def fork(number: int) -> int:
    """A worker whose clock is an hour or more behind or before the others'."""
    child = os.fork()
    if child:
        return child
    # Only what a worker reads from its own clock is wrong: the steady one is its machine's.
    wrong = datetime.now() + timedelta(hours=number - 1.5)
    steady, sleep = time.monotonic, time.sleep
    with time_machine.travel(wrong, tick=True):
        time.monotonic, time.sleep = steady, sleep
        work(number)
    connection.close()
    os._exit(0)


def work(number: int) -> None:
    """Ask again and again until the time is over; hold each slot for a moment, or for ever."""
    chance = random.Random(number)
    end = time.monotonic() + GIVEN["seconds"]
    while time.monotonic() < end:
        asked = time.monotonic()
        try:
            slot = limits.admit(ROW, 60, patience_s=min(end - asked, 2.0))
        except Limited:
            continue
        had = time.monotonic()
        if GIVEN.get("for_ever"):
            say(pid=os.getpid(), had=had)
            signal.pause()
        time.sleep(chance.uniform(*GIVEN.get("hold", (0, 0))))
        gone = time.monotonic()
        slot.release("ok")
        say(asked=asked, had=had, gone=gone, worker=number, store=choice.current())


def say(**values: object) -> None:
    """One line in one write."""
    os.write(1, (json.dumps(values) + "\n").encode())


if __name__ == "__main__":
    main()
