"""SQLite files of a test's own, whatever database the suite runs on."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from apps.core.sqlite.base import DatabaseWrapper

ALIAS = "queue"
TABLES = """
PRAGMA journal_mode=WAL;
CREATE TABLE counter (n integer NOT NULL, alone integer NOT NULL DEFAULT 0);
INSERT INTO counter (n) VALUES (0);
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE child (of integer REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
"""


def settings_of(name: str) -> dict[str, object]:
    options = {"transaction_mode": "IMMEDIATE", "timeout": 0.2}
    own = {"ENGINE": "apps.core.sqlite", "NAME": name, "OPTIONS": options}
    return {**connections.settings["default"], "CONN_HEALTH_CHECKS": False, **own}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database of our own, whatever the suite runs on."""
    found = tmp_path / "queue.sqlite3"
    with contextlib.closing(sqlite3.connect(found)) as made:
        made.executescript(TABLES)
    return found


@pytest.fixture
def database(
    path: Path, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DatabaseWrapper]:
    """A connection to it."""
    monkeypatch.setitem(connections.settings, ALIAS, settings_of(str(path)))
    with django_db_blocker.unblock():
        made = connections[ALIAS]
        yield made
        made.close()
        del connections[ALIAS]
