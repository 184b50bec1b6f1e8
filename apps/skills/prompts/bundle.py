"""The files of a skill's folder, or of a zip of it, read without unpacking anything."""

from __future__ import annotations

import hashlib
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from apps.core import strictjson
from apps.core.i18n import Text, both
from apps.im import archives, file_kinds
from apps.skills.prompts import frontmatter
from apps.skills.prompts.errors import BadSkill
from apps.skills.prompts.frontmatter import Head

MOST_FILES = 200
MAX_TOTAL = 5 * 1024 * 1024
MAX_BODY = 32_768
MAX_REFERENCE = 16_384
MAX_REFERENCES = 49_152
MAIN = "SKILL.md"
_REFERENCE = re.compile(r"references/[A-Za-z0-9._\-/]+\.(?:md|txt)")
_JUNK = ("__MACOSX/",)

NOTHING = both("{path} 不是文件夹或 zip 文件", "{path} is no folder and no zip file")
NO_MAIN = both("里面没有 SKILL.md", "there is no SKILL.md in it")
MANY = both(f"超过 {MOST_FILES} 个文件", f"it has more than {MOST_FILES} files")
LARGE = both(f"超过 {MAX_TOTAL // 1024**2} MiB", f"it is larger than {MAX_TOTAL // 1024**2} MiB")
LINK = both("里面有链接：{name}", "it holds a link: {name}")
SPECIAL = both("里面有特殊文件：{name}", "it holds a special file: {name}")
TWICE = both("里面有两个 {name}", "it holds {name} twice")
BROKEN = both("zip 文件已损坏或加密", "the zip file is broken or encrypted")
NO_TEXT = both("SKILL.md 不是 UTF-8 文本", "SKILL.md is no text in UTF-8")
LONG_BODY = both(
    f"SKILL.md 的正文超过 {MAX_BODY // 1024} KiB", f"SKILL.md is longer than {MAX_BODY // 1024} KiB"
)
EMPTY = both("SKILL.md 没有正文", "SKILL.md has no body")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A skill as it will be stored. `files`: path, size and sha256 of each, sorted by path."""

    head: Head
    body: str
    references: Mapping[str, str]
    files: tuple[Mapping[str, Any], ...]

    @property
    def sha256(self) -> str:
        """The hash over the paths and hashes of all files, in hex."""
        return hashlib.sha256(strictjson.dumps(list(self.files)).encode()).hexdigest()


def read(path: Path) -> Bundle:
    """Read a folder, its SKILL.md, or a zip file. Raises `BadSkill` or `UnsafeArchive`."""
    if path.name == MAIN:
        path = path.resolve().parent
    if path.is_dir():
        return of_files(dict(_in_folder(path)), path.resolve().name)
    if not path.is_file():
        _refuse(NOTHING.format(path=str(path)[-80:]))
    if path.stat().st_size > MAX_TOTAL:
        _refuse(LARGE)
    return of_zip(path.read_bytes(), path.stem)


def of_zip(data: bytes, name: str) -> Bundle:
    """Read a zip; `name` is the folder's name when SKILL.md lies in no folder of its own.

    Raises `BadSkill` or `UnsafeArchive`.
    """
    if len(data) > MAX_TOTAL:
        _refuse(LARGE)
    if file_kinds.sniff(data) is not file_kinds.ZIP:
        _refuse(NOTHING.format(path=name[-80:]))
    archives.inspect(data, file_kinds.ZIP)
    files = _in_zip(data)
    tops = {path.partition("/")[0] for path in files}
    if MAIN not in files and len(tops) == 1:
        (name,) = tops
        files = {path.removeprefix(f"{name}/"): content for path, content in files.items()}
    return of_files(files, name)


def of_files(files: Mapping[str, bytes], folder: str) -> Bundle:
    """Make a bundle of files by their paths in the folder of that name. Raises `BadSkill`."""
    if MAIN not in files:
        _refuse(NO_MAIN)
    try:
        text = files[MAIN].decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadSkill(why=NO_TEXT) from error
    if "\0" in text:
        _refuse(NO_TEXT)
    head, body = frontmatter.read(text, folder)
    if len(body.encode()) > MAX_BODY:
        _refuse(LONG_BODY)
    if not body:
        _refuse(EMPTY)
    return Bundle(head, body, _references(body, files), tuple(map(_listed, sorted(files.items()))))


def _listed(file: tuple[str, bytes]) -> Mapping[str, Any]:
    path, content = file
    digest = hashlib.sha256(content).hexdigest()
    return {"path": path, "size": len(content), "sha256": digest}


def _references(body: str, files: Mapping[str, bytes]) -> dict[str, str]:
    """The short texts under references/ that the body names, as many as there is room for."""
    found: dict[str, str] = {}
    left = MAX_REFERENCES
    for path in dict.fromkeys(_REFERENCE.findall(body)):
        content = files.get(path)
        if content is None or len(content) > min(left, MAX_REFERENCE):
            continue
        text = file_kinds.readable(content)
        if text and "\0" not in text:
            found[path] = text
            left -= len(content)
    return found


def _in_folder(root: Path) -> Iterator[tuple[str, bytes]]:
    left, count, total = [root], 0, 0
    while left:
        for one in left.pop().iterdir():
            name = one.relative_to(root).as_posix()
            found = one.lstat()
            if stat.S_ISLNK(found.st_mode):
                _refuse(LINK.format(name=name[:80]))
            if stat.S_ISDIR(found.st_mode):
                left.append(one)
                continue
            if not stat.S_ISREG(found.st_mode):
                _refuse(SPECIAL.format(name=name[:80]))
            count, total = count + 1, total + found.st_size
            _check_size(count, total)
            yield name, one.read_bytes()


def _in_zip(data: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for one in archive.infolist():
                if one.is_dir() or one.filename.startswith(_JUNK):
                    continue
                if one.filename in found:
                    _refuse(TWICE.format(name=one.filename[:80]))
                _check_size(len(found) + 1, total + one.file_size)
                with archive.open(one) as file:
                    found[one.filename] = file.read(MAX_TOTAL - total + 1)
                total += len(found[one.filename])
                _check_size(len(found), total)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        raise BadSkill(why=BROKEN) from error
    return found


def _check_size(count: int, total: int) -> None:
    if count > MOST_FILES:
        _refuse(MANY)
    if total > MAX_TOTAL:
        _refuse(LARGE)


def _refuse(why: Text) -> NoReturn:
    raise BadSkill(why=why)
