"""Files that people send and skills make: one row each, their bytes in the data folder.

The bytes are safe on disk before the row is committed; a file without a row is swept up later.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import uuid
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.im import archives, file_kinds, file_names
from apps.im.file_kinds import GIF, JPEG, OTHER, PNG, Kind
from apps.im.models import StoredFile
from apps.im.shapes import Media

MAX_FILE = 20 * 1024 * 1024
MAX_FILES = 5  # of one message or one answer
MAX_DURATION_MS = 2**31 - 1  # what somebody claims may be more than the column holds
KEEP = timedelta(days=30)
#: A file that is being written has no row yet.
_YOUNG_S = 24 * 3600
_MIME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,40}/[a-z0-9][a-z0-9.+-]{0,58}", re.IGNORECASE)
_UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_LARGE = both("超过 {size} MB", "it is larger than {size} MB")
_EMPTY = both("文件是空的", "it is empty")
_PROGRAM = both("不接收可执行文件", "programs are not accepted")


class FileRefused(ClawdbotError):
    """The file {name} was not accepted: {why}."""

    code = "file_refused"
    zh = "文件 {name} 没有接收：{why}。"
    http_status = 422
    permanent = True


class FileGone(ClawdbotError):
    """The file {name} is no longer kept (files are kept for 30 days)."""

    code = "file_gone"
    zh = "文件 {name} 已不再保存（文件保留 30 天）。"
    http_status = 410
    permanent = True


def check(media: Media) -> Kind:
    """What a received file really is. Raises `FileRefused` or `UnsafeArchive`."""
    name = file_names.clean(media.name)
    if not media.data:
        raise FileRefused(name=name, why=_EMPTY)
    if len(media.data) > MAX_FILE:
        raise FileRefused(name=name, why=_LARGE.format(size=MAX_FILE // 1024**2))
    kind = file_kinds.sniff(media.data, name)
    if kind.group == "program" or file_names.extension(name) in file_kinds.RUN_BY_NAME:
        raise FileRefused(name=name, why=_PROGRAM)
    archives.inspect(media.data, kind)
    return kind


def save(
    media: Media, *, person_id: int | None, conversation_id: int | None, made: bool = False
) -> StoredFile:
    """Keep a file; what was received is checked first. Raises as `check`, and OSError.

    `person_id` is who may read it.
    """
    kind = file_kinds.sniff(media.data, media.name) if made else check(media)
    if len(media.data) > MAX_FILE:
        why: Text = _LARGE.format(size=MAX_FILE // 1024**2)
        raise FileRefused(name=file_names.clean(media.name), why=why)
    mime = kind.mime if kind is not OTHER or _denied(media.mime) else media.mime
    row = StoredFile(
        uid=uuid.uuid4(),
        name=file_names.clean(media.name, _fallback(kind)),
        mime=mime[:100],
        size=len(media.data),
        sha256=hashlib.sha256(media.data).hexdigest(),
        duration_ms=min(max(media.duration_ms, 0), MAX_DURATION_MS),
        person_id=person_id,
        conversation_id=conversation_id,
        made=made,
    )
    write(path_of(row), media.data)
    row.save(force_insert=True)
    return row


def _denied(claimed: str) -> bool:
    """Is this no type, or one that we would have known by the bytes?"""
    return not _MIME.fullmatch(claimed) or claimed.lower().startswith(("image/", "text/"))


def path_of(row: StoredFile) -> Path:
    """Where its bytes are; the name is ours alone."""
    uid = str(row.uid)
    return folder() / uid[:2] / uid


def folder() -> Path:
    """The folder of all files."""
    home: Path = settings.CLAWDBOT_HOME
    return home / "media"


def read(row: StoredFile) -> bytes:
    """Its bytes. Raises `FileGone`."""
    try:
        return path_of(row).read_bytes()
    except FileNotFoundError as error:
        raise FileGone(name=row.name) from error


def media_of(row: StoredFile) -> Media:
    """The whole file. Raises `FileGone`."""
    return Media(read(row), row.name, row.mime, row.duration_ms)


def link(row: StoredFile) -> str:
    """The address in the web chat, for the person who may read it."""
    base: str = settings.CLAWDBOT_PUBLIC_URL
    return f"{base}/chat/files/{row.uid}"


def shown_inline(row: StoredFile) -> bool:
    """May a browser draw it? Only pictures that hold nothing that runs."""
    return row.mime in {PNG.mime, JPEG.mime, GIF.mime}


def remove_old(now: datetime) -> int:
    """Remove files whose time is over, and bytes that belong to no row; returns how many."""
    removed = 0
    for row in StoredFile.objects.filter(created_at__lt=now - KEEP).iterator(chunk_size=500):
        row.delete()  # first: a row without bytes says "gone", bytes without a row say nothing
        path_of(row).unlink(missing_ok=True)
        removed += 1
    return removed + _remove_strays(now)


def _remove_strays(now: datetime) -> int:
    limit = now.timestamp() - _YOUNG_S
    every = folder().glob("[0-9a-f][0-9a-f]/*")
    found = [p for p in every if p.is_file() and p.lstat().st_mtime < limit]
    named = [path.name for path in found if _UID.fullmatch(path.name)]
    kept: set[str] = set()
    for start in range(0, len(named), 500):
        rows = StoredFile.objects.filter(uid__in=named[start : start + 500])
        kept |= {str(uid) for uid in rows.values_list("uid", flat=True)}
    strays = [path for path in found if path.name not in kept]
    for path in strays:
        path.unlink(missing_ok=True)
    return len(strays)


def write(path: Path, data: bytes) -> None:
    """Write whole or not at all, for us alone, on disk when this returns."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    _sync_folder(path.parent.parent)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems have nothing to sync here
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fallback(kind: Kind) -> str:
    return f"file.{kind.extensions[0]}" if kind.extensions else "file"
