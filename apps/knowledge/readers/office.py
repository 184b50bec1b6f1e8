"""The parts of an office document (a ZIP of XML): read by name, within a size, without entities."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any

from apps.knowledge.readers.piece import MAX_PART, Unreadable


class Parts:
    """An open document. Raises `Unreadable` for what is none, encrypted, or holds macros."""

    def __init__(self, data: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise Unreadable("broken") from error
        names = self._archive.namelist()
        if any(one.flag_bits & 1 for one in self._archive.infolist()):
            raise Unreadable("encrypted")
        if any(name.lower().endswith("vbaproject.bin") for name in names):
            raise Unreadable("macros")
        for one in self._archive.infolist():
            if one.filename.endswith((".xml", ".rels")) and one.file_size > MAX_PART:
                raise Unreadable("too_large")

    def xml(self, name: str) -> Any:
        """The root of a part; None when there is none of this name. Raises `Unreadable`."""
        from defusedxml.common import DefusedXmlException
        from defusedxml.ElementTree import ParseError, fromstring

        if name not in self._archive.namelist():
            return None
        try:
            with self._archive.open(name) as part:
                data = part.read(MAX_PART + 1)
            if len(data) > MAX_PART:
                raise Unreadable("too_large")
            return fromstring(data, forbid_dtd=True)
        except DefusedXmlException as error:
            raise Unreadable("entities") from error
        except (ParseError, zipfile.BadZipFile, zlib.error, EOFError, ValueError,
                NotImplementedError) as error:  # fmt: skip
            raise Unreadable("broken") from error
