"""A process of its own that writes to a SQLite file through the queue; see test_sqlite_queue."""

from __future__ import annotations

import os
import signal
import sys

from django.conf import settings


def connect(path: str, timeout: float) -> None:
    """Make the file the default database of this process."""
    options = {"transaction_mode": "IMMEDIATE", "timeout": timeout}
    options["init_command"] = "PRAGMA journal_mode=WAL"
    name = {"ENGINE": "apps.core.sqlite", "NAME": path, "OPTIONS": options}
    settings.configure(DATABASES={"default": name}, INSTALLED_APPS=[])


def add(times: int) -> None:
    """Count one up so many times, reading and writing in one transaction; alone now and then."""
    from django.db import connection, transaction

    for number in range(times):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT n FROM counter")
            (n,) = cursor.fetchone()
            cursor.execute("UPDATE counter SET n = %s", [n + 1])
        if number % 3 == 0:
            with connection.cursor() as cursor:
                cursor.execute("UPDATE counter SET alone = alone + 1")


def hold(*, with_child: bool) -> None:
    """Begin a transaction, say so, and never end; `with_child` lives on, and says its number."""
    from django.db import connection, transaction

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("UPDATE counter SET n = -1")
        child = os.fork() if with_child else -1
        if child != 0:
            print(child, flush=True)
        signal.pause()


if __name__ == "__main__":
    connect(sys.argv[2], timeout=3)
    if sys.argv[1] == "add":
        add(int(sys.argv[3]))
    else:
        hold(with_child=sys.argv[1] == "hold-and-fork")
