"""Who leads (beat, the sealer) and who is alive, decided by the database's clock alone."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from django.db import connections, models, router
from django.db.models.expressions import Func

from apps.core.models import Heartbeat, Lease
from apps.core.sql import Prepared, Slot, Statement, here, light_commit


class DbAfter(Func):
    """The database's clock plus some seconds (fewer than none: before now)."""

    output_field = models.DateTimeField()
    template = "(STATEMENT_TIMESTAMP() + %(expressions)s * INTERVAL '1 second')"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(models.Value(float(seconds), output_field=models.FloatField()))

    def as_sqlite(
        self, compiler: Any, connection: Any, **extra: Any
    ) -> tuple[str, tuple[str, ...]]:
        """SQLite's clock in the text form in which Django stores datetimes."""
        shift = f"{self.seconds:+.3f} seconds"
        return "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'now', %s)", (shift,)


_SOON = {
    "sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'now', %s || ' seconds')",
    "postgresql": "STATEMENT_TIMESTAMP() + %s * INTERVAL '1 second'",
}
_NOW = {
    "sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'now')",
    "postgresql": "STATEMENT_TIMESTAMP()",
}


def acquire(name: str, holder: str, seconds: float) -> int | None:
    """Become the leader for `seconds` and return the epoch, or None while somebody leads.

    Epochs of one name only rise, so that a late write of an earlier leader can be told. A leader
    that asks again also gets None; it calls `renew`.
    """
    connection = connections[router.db_for_write(Lease)]
    now, soon = _NOW[connection.vendor], _SOON[connection.vendor]
    sql = (
        "INSERT INTO core_lease (name, holder, epoch, expires_at) "  # noqa: S608 - constants
        f"VALUES (%s, %s, 1, {soon}) "
        "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, "
        "epoch = core_lease.epoch + 1, expires_at = excluded.expires_at "
        f"WHERE core_lease.expires_at IS NULL OR core_lease.expires_at < {now} "
        "RETURNING epoch"
    )
    with light_commit(connection), connection.cursor() as cursor:
        cursor.execute(sql, [name, holder, round(float(seconds), 3)])
        row = cursor.fetchone()
    return int(row[0]) if row else None


def renew(name: str, holder: str, epoch: int, seconds: float) -> bool:
    """Lead for `seconds` more; False when somebody else leads or the lease was released."""
    mine = Lease.objects.filter(name=name, holder=holder, epoch=epoch, expires_at__isnull=False)
    with light_commit(here()):
        return mine.update(expires_at=DbAfter(seconds)) == 1


def release(name: str, holder: str, epoch: int) -> bool:
    """Stop leading, so that another may at once; False when it was not ours any more."""
    mine = Lease.objects.filter(name=name, holder=holder, epoch=epoch, expires_at__isnull=False)
    with light_commit(here()):
        return mine.update(expires_at=None) == 1


_BEAT = {
    vendor: Statement(
        "INSERT INTO core_heartbeat (role, name, detail, at) "  # noqa: S608 - constants
        f"VALUES (%s, %s, %s{cast}, {_NOW[vendor]}) ON CONFLICT (name) DO UPDATE SET "
        "role = excluded.role, detail = excluded.detail, at = excluded.at"
    )
    for vendor, cast in (("sqlite", ""), ("postgresql", "::jsonb"))
}


def beat(role: str, name: str, detail: Mapping[str, Any] | None = None) -> None:
    """Write a sign of life of the process `name`."""
    connection = here()
    with light_commit(connection):
        _BEAT[connection.vendor].count(connection, [role, name, json.dumps(dict(detail or {}))])


def alive(role: str, within_s: float) -> list[Heartbeat]:
    """Return the processes of a role that gave a sign of life in the last `within_s` seconds."""
    return _seen(within_s).instances(role=role)


@functools.cache
def _seen(within_s: float) -> Prepared[Heartbeat]:
    return Prepared(
        lambda: Heartbeat.objects.filter(role=Slot("role"), at__gte=DbAfter(-within_s)).order_by(
            "name"
        )
    )


def gone(name: str) -> None:
    """Take back the signs of life of a process that ends in good order."""
    Heartbeat.objects.filter(name=name).delete()
