"""The full-text index: FTS5 beside the passages on SQLite, a column with a GIN index on PostgreSQL.

Both are fed from `Chunk.words` by the database itself, so that whatever removes a passage removes
it from the index. SQLite loses triggers when a migration makes a table anew: they are looked after
following each `migrate`. FTS5 keeps no positions (`detail=none`), and its tokenizer `ascii` splits
at our blanks only: https://www.sqlite.org/fts5.html sections 4.3.2 and 4.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.core.sql import AMONG, Statement, here, listed

TABLE, INDEX, COLUMN = "knowledge_chunk", "knowledge_index", "search"
#: More passages than these hold a word that tells little; they are not all fetched.
MOST = 3000
_REMOVE = (
    f"INSERT INTO {INDEX}({INDEX}, rowid, words) "  # noqa: S608
    "VALUES ('delete', old.id, old.words);"
)
_INSERT = f"INSERT INTO {INDEX}(rowid, words) VALUES (new.id, new.words);"  # noqa: S608
_SQLITE = (
    f"CREATE VIRTUAL TABLE IF NOT EXISTS {INDEX} USING fts5(words, content='{TABLE}', "
    "content_rowid='id', tokenize='ascii', detail=none)",
    f"CREATE TRIGGER IF NOT EXISTS {INDEX}_added AFTER INSERT ON {TABLE} BEGIN {_INSERT} END",
    f"CREATE TRIGGER IF NOT EXISTS {INDEX}_removed AFTER DELETE ON {TABLE} BEGIN {_REMOVE} END",
    f"CREATE TRIGGER IF NOT EXISTS {INDEX}_changed AFTER UPDATE OF id, words ON {TABLE} "
    f"BEGIN {_REMOVE} {_INSERT} END",
)
_POSTGRESQL = (
    f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS {COLUMN} tsvector "
    "GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED",
    f"CREATE INDEX IF NOT EXISTS {INDEX} ON {TABLE} USING gin ({COLUMN})",
)
_ALLOWED = (
    "JOIN knowledge_document d ON d.id = c.document_id "
    "WHERE {match} AND d.state = 'ready' AND d.collection_id {among} LIMIT %s"
)
_FIND = {
    "sqlite": Statement(
        f"SELECT c.id FROM {INDEX} i JOIN {TABLE} c ON c.id = i.rowid "  # noqa: S608
        + _ALLOWED.format(match=f"i.{INDEX} MATCH %s", among=AMONG["sqlite"])
    ),
    "postgresql": Statement(
        f"SELECT c.id FROM {TABLE} c "  # noqa: S608
        + _ALLOWED.format(match=f"c.{COLUMN} @@ %s::tsquery", among=AMONG["postgresql"])
    ),
}


def after_migrate(sender: object, using: str, **kwargs: Any) -> None:
    """Install what is missing."""
    install(connections[using])


def install(connection: BaseDatabaseWrapper) -> None:
    """Make the index that is missing; nothing happens before the table is there."""
    if TABLE not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        for statement in _SQLITE if connection.vendor == "sqlite" else _POSTGRESQL:
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Drop the index."""
    if connection.vendor == "sqlite":
        drops = [f"DROP TRIGGER IF EXISTS {INDEX}_{one}" for one in ("added", "removed", "changed")]
        drops.append(f"DROP TABLE IF EXISTS {INDEX}")
    else:
        drops = [f"ALTER TABLE {TABLE} DROP COLUMN IF EXISTS {COLUMN}"]
    with connection.cursor() as cursor:
        for statement in drops:
            cursor.execute(statement)


def rebuild() -> None:
    """Make the whole index anew from the stored words."""
    connection = here()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"INSERT INTO {INDEX}({INDEX}) VALUES ('rebuild')")  # noqa: S608
        else:
            cursor.execute(f"REINDEX INDEX {INDEX}")


def having(word: str, collections: Sequence[int]) -> list[int]:
    """The passages of these collections that hold a word (all that begin so, with a `*`).

    No more than `MOST` of them; nothing outside these collections is looked at or counted.
    """
    connection = here()
    begins, word = word.endswith("*"), word.removesuffix("*")
    if connection.vendor == "sqlite":
        match = f'"{word}"{"*" if begins else ""}'
    else:
        match = f"'{word}'{':*' if begins else ''}"
    among = listed(connection, collections)
    rows = _FIND[connection.vendor].rows(connection, [match, among, MOST])
    return [key for (key,) in rows]
