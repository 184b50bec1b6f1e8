"""The bytes of documents, in the data folder: on disk before their row is committed.

Bytes without a row (a process that died, a transaction that was taken back) are swept up later.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.conf import settings

from apps.core.i18n import both
from apps.im.files import write
from apps.knowledge.errors import CannotRead
from apps.knowledge.models import Document

#: Bytes that are being written have no row yet.
_YOUNG_S = 24 * 3600
_GONE = both("原文件已不在磁盘上，请重新上传", "its file is no longer on disk; upload it again")


def folder() -> Path:
    """The folder of all documents."""
    home: Path = settings.CLAWDBOT_HOME
    return home / "knowledge"


def path_of(document: Document) -> Path:
    """Where the bytes of one are; the name is ours alone."""
    uid = str(document.uid)
    return folder() / uid[:2] / uid


def save(document: Document, data: bytes) -> None:
    """Keep the bytes. Raises OSError."""
    write(path_of(document), data)


def load(document: Document) -> bytes:
    """The bytes. Raises `CannotRead`."""
    try:
        return path_of(document).read_bytes()
    except FileNotFoundError as error:
        raise CannotRead(name=document.name, why=_GONE) from error


def remove_strays(now: datetime) -> int:
    """Remove bytes that belong to no row; returns how many."""
    limit = now.timestamp() - _YOUNG_S
    found = [p for p in folder().glob("[0-9a-f][0-9a-f]/*") if p.lstat().st_mtime < limit]
    kept = {str(uid) for uid in Document.objects.values_list("uid", flat=True)}
    strays = [path for path in found if path.name not in kept]
    for path in strays:
        path.unlink(missing_ok=True)
    return len(strays)
