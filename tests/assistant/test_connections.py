"""Tasks of a worker go on with one connection to the database, until it breaks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from celery.fixups.django import DjangoWorkerFixup
from celery.signals import task_prerun
from django.db import DatabaseError, connection, connections

from apps.assistant import tasks
from clawdbot.celery import app

pytestmark = pytest.mark.django_db(transaction=True)


def run_a_task() -> object:
    """What Celery and we do around a task; returns the driver's connection that it had."""
    fixup = DjangoWorkerFixup(app)
    sender = SimpleNamespace(request=SimpleNamespace(is_eager=False))
    fixup.on_task_prerun(sender)
    task_prerun.send(sender=tasks.drain)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    found = connection.connection
    fixup.on_task_postrun(sender)
    return found


def test_the_next_task_has_the_same_connection() -> None:
    first = run_a_task()
    assert first is not None
    assert run_a_task() is first


def test_a_connection_that_broke_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = run_a_task()
    assert connection.connection is not None
    if connection.vendor == "sqlite":  # files do not break
        monkeypatch.setattr(
            connections["default"], "is_usable", lambda: False
        )  # files do not break
    else:
        connection.connection.close()
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT nonsense FROM nowhere")
    assert run_a_task() is not first
