"""Looks into archives without unpacking them, and says why one of them is not safe to unpack.

Only lists are read. What is compressed as a whole (gzip) has to be run through, within a budget; an
archive inside an archive is looked at in memory, three deep at most.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.im import file_kinds
from apps.im.file_kinds import GZIP, TAR, ZIP, Kind

MAX_ENTRIES = 2000
MAX_TOTAL = 200 * 1024 * 1024
#: Text packs 1:20, logs 1:50; what packs better than this is a bomb, once it is large.
MAX_RATIO = 200
SMALL = 10 * 1024 * 1024
MAX_DEPTH = 3
MAX_NESTED = 20 * 1024 * 1024
_MAX_DIRECTORY = 1024 * 1024  # of a ZIP, in bytes: about ten thousand names
_CHUNK = 64 * 1024
_OVERHEAD = 4 * 1024 * 1024
_DRIVE = re.compile(r"[A-Za-z]:")

_MANY = both("里面有 {count} 个以上的文件", "it holds more than {count} files")
_LARGE = both("解开后超过 {size} MB", "unpacked it is more than {size} MB")
_RATIO = both("压缩比异常（像解压炸弹）", "it unpacks to suspiciously much (a bomb)")
_DEEP = both("嵌套的压缩包太深", "archives inside archives are too deep")
_PATH = both("里面有越界的路径：{name}", "it holds a path that leads out of it: {name}")
_LINK = both("里面有链接：{name}", "it holds a link: {name}")
_DEVICE = both("里面有特殊文件：{name}", "it holds a special file: {name}")
_BROKEN = both("压缩包已损坏", "the archive is broken")
_OPAQUE = both("这种压缩包无法检查，请改用 zip", "this kind of archive cannot be checked; use zip")


class UnsafeArchive(ClawdbotError):
    """The archive was not accepted: {why}."""

    code = "unsafe_archive"
    zh = "压缩包没有接收：{why}。"
    http_status = 422
    permanent = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One file inside."""

    name: str
    size: int


@dataclass(slots=True)
class _Budget:
    """What may still come out, over all depths together."""

    packed: int
    entries: int = 0
    total: int = 0

    def add(self, size: int, *, files: int = 0) -> None:
        """Count; raises `UnsafeArchive` when it is too much."""
        self.entries += files
        self.total += size
        if self.entries > MAX_ENTRIES:
            _refuse(_MANY.format(count=MAX_ENTRIES))
        if self.total > MAX_TOTAL:
            _refuse(_LARGE.format(size=MAX_TOTAL // 1024**2))
        if self.total > SMALL and self.total > MAX_RATIO * max(self.packed, 1):
            _refuse(_RATIO)


def inspect(data: bytes, kind: Kind) -> list[Entry]:
    """The files in an archive (of ZIP kind also office documents); [] for what is none.

    Raises `UnsafeArchive`.
    """
    return _inspect(data, kind, _Budget(len(data)), 1)


def _inspect(data: bytes, kind: Kind, budget: _Budget, depth: int) -> list[Entry]:
    if kind is file_kinds.OPAQUE:
        _refuse(_OPAQUE)
    if depth > MAX_DEPTH and kind.group == "archive":
        _refuse(_DEEP)
    try:
        if zipped(kind):
            return _zip(data, budget, depth)
        if kind is TAR:
            return _tar(io.BytesIO(data), budget, depth)
        if kind is GZIP:
            return _gzip(data, budget, depth)
    except UnsafeArchive:
        raise
    except Exception as error:
        # A boundary: what three libraries raise for foreign bytes is more than they say.
        raise UnsafeArchive(why=_BROKEN) from error
    return []


def zipped(kind: Kind) -> bool:
    """Is it a ZIP by another name?"""
    return kind in {ZIP, file_kinds.DOCX, file_kinds.XLSX, file_kinds.PPTX, file_kinds.ODF}


def _zip(data: bytes, budget: _Budget, depth: int) -> list[Entry]:
    _check_directory(data)
    found: list[Entry] = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if sum(one.compress_size for one in members) > len(data):
            _refuse(_RATIO)  # entries that lie over each other (Fifield's bomb)
        for one in members:
            _check_name(one.filename)
            mode = one.external_attr >> 16
            if stat.S_ISLNK(mode):
                _refuse(_LINK.format(name=_shown(one.filename)))
            if one.is_dir():
                budget.add(0, files=1)
                continue
            budget.add(one.file_size, files=1)
            found.append(Entry(one.filename, one.file_size))
            if one.flag_bits & 1 or not _nested(one.filename):
                continue
            if one.file_size > MAX_NESTED:
                _refuse(_LARGE.format(size=MAX_NESTED // 1024**2))
            with archive.open(one) as inner:
                _look_inside(inner.read(MAX_NESTED + 1), one.filename, budget, depth)
    return found


def _check_directory(data: bytes) -> None:
    """The list of a ZIP is read whole by the library: not before its size was looked at."""
    place = data.rfind(b"PK\x05\x06", max(0, len(data) - 66_000))
    if place < 0:
        _refuse(_BROKEN)
    count, size = struct.unpack_from("<HI", data, place + 10)
    if count > MAX_ENTRIES or size > _MAX_DIRECTORY:
        _refuse(_MANY.format(count=MAX_ENTRIES))


def _tar(file: Any, budget: _Budget, depth: int) -> list[Entry]:
    found: list[Entry] = []
    with tarfile.open(fileobj=file, mode="r|") as archive:
        for one in archive:
            _check_name(one.name)
            if one.issym() or one.islnk():
                _refuse(_LINK.format(name=_shown(one.name)))
            if not (one.isreg() or one.isdir()):
                _refuse(_DEVICE.format(name=_shown(one.name)))
            budget.add(one.size, files=1)
            if one.isreg():
                found.append(Entry(one.name, one.size))
            if one.isreg() and _nested(one.name):
                if one.size > MAX_NESTED:
                    _refuse(_LARGE.format(size=MAX_NESTED // 1024**2))
                inner = archive.extractfile(one)
                _look_inside(inner.read() if inner else b"", one.name, budget, depth)
    return found


def _gzip(data: bytes, budget: _Budget, depth: int) -> list[Entry]:
    stream = _Unpacked(data, budget)
    head = stream.read(512)
    if file_kinds.sniff(head) is TAR:
        # Its files are counted by their entries; the padding between them is nothing.
        stream.counted = False
        return _tar(_Rewound(head, stream), budget, depth)
    size = len(head)
    while piece := stream.read(_CHUNK):
        size += len(piece)
    budget.add(0, files=1)
    return [Entry("", size)]


class _Unpacked(io.RawIOBase):
    """A gzip stream, one chunk at a time; counts what comes out."""

    def __init__(self, data: bytes, budget: _Budget) -> None:
        self._pieces = _inflated(data)
        self._rest = b""
        self._budget = budget
        self._out = 0
        self.counted = True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; b"" at the end. Raises `UnsafeArchive`."""
        wanted = _CHUNK if size is None or size < 0 else size
        while len(self._rest) < wanted:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._out += len(piece)
            if self.counted:
                self._budget.add(len(piece))
            elif self._out > self._budget.total + _OVERHEAD + 2048 * self._budget.entries:
                _refuse(_RATIO)  # long headers that belong to no file
            self._rest += piece
        taken, self._rest = self._rest[:wanted], self._rest[wanted:]
        return taken


class _Rewound(io.RawIOBase):
    """A stream with its beginning put back."""

    def __init__(self, head: bytes, rest: _Unpacked) -> None:
        self._head, self._stream = head, rest

    def read(self, size: int = -1) -> bytes:
        """As the stream's own; tarfile reads in blocks."""
        if self._head:
            taken, self._head = self._head[:size], self._head[size:]
            more = self._stream.read(size - len(taken)) if len(taken) < size else b""
            return taken + more
        return self._stream.read(size)


def _inflated(data: bytes) -> Iterator[bytes]:
    """What comes out of gzip members, a bounded piece at a time (RFC 1952 allows several)."""
    rest = data
    while rest:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while not unpacker.eof:
            piece = unpacker.decompress(rest, _CHUNK)
            rest = unpacker.unconsumed_tail
            if piece:
                yield piece
            elif not rest and not unpacker.eof:
                raise EOFError("cut off")
        rest = unpacker.unused_data.lstrip(b"\0")


def _look_inside(data: bytes, name: str, budget: _Budget, depth: int) -> None:
    kind = file_kinds.sniff(data, name)
    if kind.group == "archive" or zipped(kind):
        _inspect(data, kind, budget, depth + 1)


def _nested(name: str) -> bool:
    names = (ZIP, GZIP, TAR, file_kinds.OPAQUE, file_kinds.DOCX, file_kinds.XLSX, file_kinds.PPTX)
    return any(name.lower().endswith(f".{last}") for kind in names for last in kind.extensions)


def _check_name(name: str) -> None:
    parts = re.split(r"[/\\]", name)
    if name.startswith(("/", "\\")) or _DRIVE.match(name) or ".." in parts or "\0" in name:
        _refuse(_PATH.format(name=_shown(name)))


def _shown(name: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in name)[:80]


def _refuse(why: Text) -> NoReturn:
    raise UnsafeArchive(why=why)
