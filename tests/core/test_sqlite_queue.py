"""Writers queue at a lock that wakes them; nothing that goes wrong leaves it locked."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import IntegrityError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from apps.core.sql import Statement
from apps.core.sqlite.base import DatabaseWrapper, writes
from tests.console.stack import wait_for
from tests.core.sqlite_files import ALIAS, settings_of

ROOT = Path(__file__).resolve().parents[2]


def door_of(path: Path) -> Path:
    return path.with_name(path.name + "-queue")


@contextlib.contextmanager
def holding(path: Path) -> Iterator[None]:
    """Stand at the door as another process would. Fails when somebody else does."""
    door = os.open(door_of(path), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(door)


def is_free(path: Path) -> bool:
    try:
        with holding(path):
            return True
    except BlockingIOError:
        return False


def execute(database: DatabaseWrapper, sql: str) -> None:
    with database.cursor() as cursor:
        cursor.execute(sql)


def values(path: Path) -> tuple[int, int]:
    with contextlib.closing(sqlite3.connect(path)) as reader:
        n, alone = reader.execute("SELECT n, alone FROM counter").fetchone()
    return n, alone


def value(path: Path) -> int:
    return values(path)[0]


def child(path: Path, *what: str) -> subprocess.Popen[str]:
    command, *rest = what
    return subprocess.Popen(
        [sys.executable, "-m", "tests.core.queue_child", command, str(path), *rest],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_of_many_processes_each_gets_its_turn(path: Path) -> None:
    writers = [child(path, "add", "90") for _ in range(4)]
    assert [writer.wait(120) for writer in writers] == [0] * 4
    assert values(path) == (360, 120)
    for writer in writers:
        writer.communicate()


def in_thread(act: Callable[[DatabaseWrapper], None]) -> threading.Event:
    """Do it in a thread with a connection of its own; the event says that it is done."""
    done = threading.Event()

    def run() -> None:
        try:
            act(connections[ALIAS])
            done.set()
        finally:
            connections[ALIAS].close()

    threading.Thread(target=run).start()
    return done


def in_transaction(database: DatabaseWrapper) -> None:
    with transaction.atomic(using=ALIAS):
        execute(database, "UPDATE counter SET n = n + 1")


def alone(database: DatabaseWrapper) -> None:
    execute(database, "UPDATE counter SET n = n + 1")


def alone_and_many(database: DatabaseWrapper) -> None:
    with database.cursor() as cursor:
        cursor.executemany("UPDATE counter SET n = n + %s", [(1,)])


def prepared(database: DatabaseWrapper) -> None:
    assert Statement("UPDATE counter SET n = n + %s").count(database, [1]) == 1


@pytest.mark.parametrize("act", [in_transaction, alone, alone_and_many, prepared])
def test_whoever_writes_waits_for_its_turn(
    path: Path, database: DatabaseWrapper, act: Callable[[DatabaseWrapper], None]
) -> None:
    with holding(path):
        done = in_thread(act)
        assert not done.wait(0.3)
        assert value(path) == 0
    assert done.wait(30)
    assert value(path) == 1
    assert is_free(path)


def test_whoever_reads_waits_for_nobody(path: Path, database: DatabaseWrapper) -> None:
    with holding(path):
        execute(database, "SELECT n FROM counter")
        assert Statement("SELECT n + %s FROM counter").rows(database, [1]) == [(1,)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("INSERT INTO x VALUES (1)", True),
        ('\n  update "x" SET y = 1', True),
        ("DELETE FROM x", True),
        ("REPLACE INTO x VALUES (1)", True),
        ("SELECT 'INSERT'", False),
        ("WITH x AS (SELECT 1) SELECT * FROM x", False),
        ("PRAGMA synchronous=FULL", False),
        ("SAVEPOINT x", False),
        ("", False),
    ],
)
def test_what_writes_is_told_by_its_first_word(query: str, expected: bool) -> None:
    assert writes(query) is expected


@pytest.mark.parametrize("what", ["hold", "hold-and-fork"])
def test_whoever_is_killed_in_its_transaction_lets_the_next_one_in(
    path: Path, database: DatabaseWrapper, what: str
) -> None:
    holder = child(path, what)
    assert holder.stdout is not None
    left = int(holder.stdout.readline())
    try:
        assert not is_free(path)
        done = in_thread(in_transaction)
        holder.kill()
        holder.wait(30)
        assert done.wait(30)
        assert value(path) == 1
    finally:
        holder.kill()
        if left > 0:
            os.kill(left, signal.SIGKILL)
        holder.communicate()


def test_the_door_is_held_from_begin_to_the_end_of_the_outermost_block(
    path: Path, database: DatabaseWrapper
) -> None:
    told: list[bool] = []
    with transaction.atomic(using=ALIAS):
        assert not is_free(path)
        with transaction.atomic(using=ALIAS):
            execute(database, "UPDATE counter SET n = 5")
        with contextlib.suppress(ValueError), transaction.atomic(using=ALIAS):
            raise ValueError
        assert not is_free(path)
        transaction.on_commit(lambda: told.append(is_free(path)), using=ALIAS)
    assert told == [True]
    assert is_free(path)
    assert value(path) == 5


def test_an_error_inside_opens_the_door(path: Path, database: DatabaseWrapper) -> None:
    def broken() -> None:
        with transaction.atomic(using=ALIAS):
            execute(database, "UPDATE counter SET n = 5")
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        broken()
    assert is_free(path)
    assert value(path) == 0


def test_an_error_after_the_commit_opens_the_door(path: Path, database: DatabaseWrapper) -> None:
    def broken() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"), transaction.atomic(using=ALIAS):
        transaction.on_commit(broken, using=ALIAS)
    assert is_free(path)


def test_a_begin_that_fails_opens_the_door(path: Path, database: DatabaseWrapper) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")  # without the queue
        with pytest.raises(OperationalError, match="locked"), transaction.atomic(using=ALIAS):
            pytest.fail("two writers at once")
        assert is_free(path)
        with pytest.raises(OperationalError, match="locked"):
            alone(database)
        assert is_free(path)
    in_transaction(database)
    assert value(path) == 1


def test_a_commit_that_fails_opens_the_door(path: Path, database: DatabaseWrapper) -> None:
    def orphan() -> None:
        with transaction.atomic(using=ALIAS):
            execute(database, "INSERT INTO child VALUES (7)")
            execute(database, "UPDATE counter SET n = 5")

    with pytest.raises(IntegrityError):
        orphan()
    assert is_free(path)
    assert value(path) == 0
    in_transaction(database)
    assert value(path) == 1


def test_a_commit_that_a_signal_cuts_short_opens_the_door(
    path: Path, database: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = BaseDatabaseWrapper._commit  # type: ignore[attr-defined]

    def cut_short(self: BaseDatabaseWrapper) -> None:
        commit(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", cut_short)
    with pytest.raises(KeyboardInterrupt):
        in_transaction(database)
    assert is_free(path)
    assert value(path) == 1


def test_closing_inside_a_transaction_opens_the_door(path: Path, database: DatabaseWrapper) -> None:
    with transaction.atomic(using=ALIAS):
        execute(database, "UPDATE counter SET n = 5")
        database.close()
        assert is_free(path)
    assert value(path) == 0
    in_transaction(database)
    assert value(path) == 1


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_closing_leaves_no_file_open(path: Path, database: DatabaseWrapper) -> None:
    before = open_files()
    for _ in range(3):
        in_transaction(database)
        database.close()
    assert open_files() <= before
    assert door_of(path).stat().st_mode & 0o077 == 0


def test_a_database_in_memory_has_no_door(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(connections.settings, ALIAS, settings_of(":memory:"))
    with django_db_blocker.unblock():
        with transaction.atomic(using=ALIAS):
            execute(connections[ALIAS], "CREATE TABLE x (y integer)")
        execute(connections[ALIAS], "INSERT INTO x VALUES (1)")
        connections[ALIAS].close()
        del connections[ALIAS]
    assert list(tmp_path.iterdir()) == []


def waiting_at(door: Path) -> int:
    """How many threads of all processes stand at a door (Linux)."""
    inode = f":{door.stat().st_ino} "
    return sum("->" in line and inode in line for line in Path("/proc/locks").open())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/locks")
def test_of_one_process_one_thread_at_a_time_stands_in_the_queue(
    path: Path, database: DatabaseWrapper
) -> None:
    """So that a process with many writers does not keep the others waiting for all of them."""
    with holding(path):
        threads = [in_thread(act) for act in (in_transaction, alone) * 4]
        other = child(path, "add", "1")
        wait_for(lambda: waiting_at(door_of(path)) == 2, 60, "both stand at the door")
        assert not any(done.wait(0.05) for done in threads)
        assert waiting_at(door_of(path)) == 2
    assert all(done.wait(30) for done in threads)
    assert other.wait(60) == 0
    other.communicate()
    assert is_free(path)
    assert value(path) >= 8
