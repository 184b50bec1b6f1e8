"""Which rows of the timetable were edited: the database itself notes them, in `schedules_edit`.

`.update()`, or a statement by hand, sends no signal, and comparing all rows to find what it did
costs by how many there are. Triggers of the database see every edit and write down whose it was.
"""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from apps.schedules.models import Edit

_EDITS = Edit._meta.db_table
_TASKS = PeriodicTask._meta.db_table
_CRONTABS = CrontabSchedule._meta.db_table
#: By trigger: its table, the columns that matter, and the tasks whose times have changed.
TRIGGERS = {
    "schedules_task_edited": (_TASKS, ("enabled", "crontab_id"), "SELECT NEW.id"),
    "schedules_crontab_edited": (
        _CRONTABS,
        ("minute", "hour", "day_of_month", "month_of_year", "day_of_week", "timezone"),
        f"SELECT id FROM {_TASKS} WHERE crontab_id = NEW.id",  # noqa: S608 - names are ours
    ),
}


def install(using: str = "default", **_: Any) -> None:
    """Make the triggers that are missing, once the tables are there (after migrations)."""
    connection = connections[using]
    there = set(connection.introspection.table_names())
    if not {_EDITS, _TASKS, _CRONTABS} <= there:
        return
    with connection.cursor() as cursor:
        for name, (table, columns, tasks) in TRIGGERS.items():
            for text in _made(connection, name, table, columns, tasks):
                cursor.execute(text)


def remove(using: str = "default", **_: Any) -> None:
    """Drop the triggers before migrations: SQLite renames no table while one names a missing one.

    What is edited meanwhile is found by the next beat that starts, which compares all rows.
    """
    connection = connections[using]
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        for name in TRIGGERS:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def _made(
    connection: BaseDatabaseWrapper, name: str, table: str, columns: tuple[str, ...], tasks: str
) -> list[str]:
    # Django saves all columns: only those whose values differ are an edit.
    insert = f"INSERT INTO {_EDITS} (task_id) {tasks}"
    among = ", ".join(columns)
    if connection.vendor == "sqlite":
        differs = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in columns)
        return [
            f"CREATE TRIGGER IF NOT EXISTS {name} AFTER UPDATE OF {among} ON {table} "
            f"WHEN {differs} BEGIN {insert}; END"
        ]
    differs = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in columns)
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {insert}; RETURN NULL; END $$",
        # Asked first: making it anew would wait for, and hold up, all who use the table.
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = '{name}' "
        f"AND tgrelid = '{table}'::regclass) THEN "
        f"CREATE TRIGGER {name} AFTER UPDATE OF {among} ON {table} FOR EACH ROW "
        f"WHEN ({differs}) EXECUTE FUNCTION {name}(); END IF; END $$",
    ]
