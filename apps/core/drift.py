"""Asks the database what time it is, once for each new connection: PostgreSQL is another machine.

SQLite has this machine's clock.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from apps.core import clock


def look(connection: BaseDatabaseWrapper) -> None:
    """Compare the clocks, and go by the database's where they differ."""
    asked = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT CLOCK_TIMESTAMP()")
        (told,) = cursor.fetchone()
    clock.follow(told, asked, datetime.now(UTC))


def on_connection(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """A connection was made."""
    if settings.CLOCK_OF_DATABASE and connection.vendor == "postgresql":
        look(connection)


def watch() -> None:
    """Look at every connection that is made from now on."""
    connection_created.connect(on_connection, dispatch_uid="core.drift")
