"""The end of the chain, kept outside the database: without it nobody sees that the end was cut off.

The file says how long the chain was and how it ended. Whoever can write to the database but not
to the data folder cannot make the two agree again; the log line goes wherever logs are shipped.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from apps.audit.models import Seal
from apps.core.crypto import mac, mac_ok
from apps.core.logging import get_logger

PURPOSE = "audit head"
_LOG_EVERY = 600
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Head:
    """Number and digest of the last seal that this machine saw."""

    number: int
    digest: str


class HeadError(Exception):
    """The file is there and was changed or cannot be read."""


def path() -> Path | None:
    """Return where the file lies; None when the settings switch it off (`AUDIT_HEAD = None`)."""
    default = Path(settings.CLAWDBOT_HOME) / "audit" / "head.json"
    found: Path | None = getattr(settings, "AUDIT_HEAD", default)
    return found


def write(seal: Seal) -> None:
    """Remember the seal. A full disk is logged and no reason to stop sealing."""
    target = path()
    if target is None:
        return
    if seal.number % _LOG_EVERY == 1:
        _log.info("audit head", number=seal.number, digest=seal.digest)
    note = {"number": seal.number, "digest": seal.digest, "mac": _tag(seal)}
    try:
        _replace(target, json.dumps(note))
    except OSError as error:
        _log.warning("the end of the audit chain was not written", error=str(error))


def read() -> Head | None:
    """Return what was remembered, or None when there is no file.

    Raises ``HeadError`` when it was changed.
    """
    target = path()
    if target is None:
        return None
    try:
        return _parse(target.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HeadError(str(error)) from error


def _parse(raw: str) -> Head:
    try:
        found = json.loads(raw)
        head = Head(int(found["number"]), str(found["digest"]))
        genuine = mac_ok(_bytes(head.number, head.digest), PURPOSE, str(found["mac"]))
    except (ValueError, KeyError, TypeError) as error:
        raise HeadError("it cannot be read") from error
    if not genuine:
        raise HeadError("its tag does not fit")
    return head


def _tag(seal: Seal) -> str:
    return mac(_bytes(seal.number, seal.digest), PURPOSE)


def _bytes(number: int, digest: str) -> bytes:
    return f"{number}|{digest}".encode()


def _replace(target: Path, content: str) -> None:
    # Replaced, never rewritten in place: a crash leaves the old file or the new one.
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        Path(name).replace(target)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
