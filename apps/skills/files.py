"""Files as a skill sees them: what was sent with the question, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from apps.im.base import Media
from apps.im.file_kinds import Group


@dataclass(frozen=True)
class Stored:
    """A file in the data folder; `kind` is what its bytes are, whatever its name says."""

    name: str
    mime: str
    size: int
    sha256: str
    kind: Group
    path: Path


class Attachment:
    """A file that somebody sent; it is fetched from the platform when it is first looked at.

    Everything but `claimed_name` may raise `CannotDo` or another `ClawdbotError` with a sentence
    for the person: too large, gone, a program, an archive that is not safe to unpack.
    """

    def __init__(self, claimed_name: str, fetch: Callable[[], Stored]) -> None:
        self.claimed_name = claimed_name
        self._fetch = fetch

    @cached_property
    def _stored(self) -> Stored:
        return self._fetch()

    @property
    def name(self) -> str:
        """A bare and harmless file name."""
        return self._stored.name

    @property
    def mime(self) -> str:
        """The real type, told by the bytes."""
        return self._stored.mime

    @property
    def kind(self) -> Group:
        """image, audio, video, document, archive, text or other."""
        return self._stored.kind

    @property
    def size(self) -> int:
        """In bytes."""
        return self._stored.size

    @property
    def sha256(self) -> str:
        """In hex."""
        return self._stored.sha256

    @property
    def path(self) -> Path:
        """Where the bytes are, to be read only."""
        return self._stored.path

    def read(self) -> bytes:
        """All bytes, 20 MiB at most."""
        return self._stored.path.read_bytes()


def made(name: str, data: bytes | str | Path) -> Media:
    """A file for `Reply(files=…)`: bytes, a text (as UTF-8 with a mark, as spreadsheets want it
    for CSV), or the path of a file."""
    if isinstance(data, Path):
        return Media(data.read_bytes(), name)
    if isinstance(data, str):
        mark = name.lower().endswith(".csv")
        return Media(data.encode("utf-8-sig" if mark else "utf-8"), name)
    return Media(data, name)


def stored_value(message: int, index: int, name: str) -> dict[str, Any]:
    """How a parameter of type `Attachment` is stored: the message, and which of its files."""
    return {"message": message, "index": index, "name": name}
