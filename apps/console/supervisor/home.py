"""The data folder: made on first start, ours by its marker, refused when it is somebody else's."""

from __future__ import annotations

import json
import os
import stat
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from apps.core.private import MARKER, is_ours, private_folder, strange_in

FOLDERS = ("run", "logs", "secrets", "valkey", "media")


class Refused(Exception):
    """This data folder must not be used; the text says why and what to do, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh}\n{en}")


def prepare(home: Path) -> bool:
    """Make the folder usable: 0700, marked, with its parts. True when it was marked just now.

    Raises Refused for a folder that is not ours; changes nothing in it then.
    """
    try:
        _check(home)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = not is_ours(home)
        home.chmod(0o700)
        if fresh:
            _mark(home)
        for name in FOLDERS:
            (home / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        _refuse(home, "无法使用", "cannot be used", error.strerror or str(error))
    return fresh


def private_sockets(home: Path) -> Path:
    """Make the private folder for sockets whose path in the data folder is too long.

    Raises Refused when somebody else made it first.
    """
    path = private_folder(home)
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        _refuse(path, "无法使用", "cannot be used", error.strerror or str(error))
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        _refuse(path, "属于其他用户", "belongs to another user", "delete it or set TMPDIR")
    path.chmod(0o700)
    return path


def _check(home: Path) -> None:
    if not home.exists():
        return
    if not home.is_dir():
        _refuse(home, "不是文件夹", "is not a folder", "name another with CLAWDBOT_HOME")
    if home.stat().st_uid != os.geteuid():
        _refuse(home, "属于其他用户", "belongs to another user", "start as that user")
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        _refuse(home, "无法读写", "cannot be read and written", f"chmod 700 {home}")
    strange = strange_in(home)
    if strange:
        _refuse(
            home,
            f"已有其他内容（{strange}），且没有 {MARKER}",
            f"holds something else ({strange}) and no {MARKER}",
            "name an empty folder with CLAWDBOT_HOME, or put the marker of your backup back",
        )


def _mark(home: Path) -> None:
    found = {"id": str(uuid.uuid4()), "created": datetime.now(UTC).isoformat(timespec="seconds")}
    fresh = home / f".{MARKER}.new"
    fresh.write_text(json.dumps(found) + "\n")
    fresh.replace(home / MARKER)


def _refuse(path: Path, zh: str, en: str, mend: str) -> NoReturn:
    raise Refused(f"数据文件夹 {path} {zh}。({mend})", f"The data folder {path} {en}: {mend}.")
