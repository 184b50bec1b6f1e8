"""The stand-in's uploads and downloads: keys, limits and refusals as Feishu's pages say."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from apps.simulate.multipart import Part, parts_of
from apps.simulate.server import Call

IMAGES = "/open-apis/im/v1/images"
FILES = "/open-apis/im/v1/files"
TYPES = {"opus", "mp4", "pdf", "doc", "xls", "ppt", "stream"}
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*", b"MM")
MIB = 1024**2


class Refused(Exception):
    """(code, message) of an error answer."""


@dataclass
class Uploads:
    """What the app uploaded, by key: (name, bytes, kind)."""

    held: dict[str, tuple[str, bytes, str]] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def take(self, call: Call) -> dict[str, str]:
        """One upload; returns the answer's `data`."""
        try:
            parts = parts_of(call)
        except ValueError as error:
            raise Refused(234001, f"Invalid request param: {error}") from error
        return self._image(parts) if call.path == IMAGES else self._file(parts)

    def _image(self, parts: dict[str, Part]) -> dict[str, str]:
        if set(parts) != {"image_type", "image"} or parts["image_type"].text != "message":
            raise Refused(234001, "Invalid request param")
        data = parts["image"].content
        _check(data, 10 * MIB)
        if not data.startswith(PICTURES):
            raise Refused(234011, "Can't regonize the image format.")
        return {"image_key": self._keep("img_v3_", parts["image"], "image")}

    def _file(self, parts: dict[str, Part]) -> dict[str, str]:
        if not {"file_type", "file_name", "file"} <= set(parts) <= {
            "file_type", "file_name", "file", "duration",
        }:  # fmt: skip
            raise Refused(234001, "Invalid request param")
        if parts["file_type"].text not in TYPES:
            raise Refused(234001, "Invalid request param: file_type")
        _check(parts["file"].content, 30 * MIB)
        kind = "audio" if parts["file_type"].text == "opus" else "file"
        named = Part(parts["file_name"].text, "", parts["file"].content)
        return {"file_key": self._keep("file_v3_", named, kind)}

    def _keep(self, prefix: str, part: Part, kind: str) -> str:
        key = f"{prefix}{next(self._numbers):04d}"
        self.held[key] = (part.filename, part.content, kind)
        return key

    def shown(self, kind: str, content: dict[str, str]) -> tuple[str, bytes]:
        """(name, bytes) of what a message shows; refused when it was not uploaded as that."""
        name = "image_key" if kind == "image" else "file_key"
        held = self.held.get(content.get(name, ""))
        if set(content) != {name} or held is None or held[2] != kind:
            raise Refused(230055, "The type of the file uploaded does not match the message type.")
        return held[0], held[1]


def _check(data: bytes, most: int) -> None:
    if not data:
        raise Refused(234010, "File's size can't be 0.")
    if len(data) > most:
        raise Refused(234006, "The file size exceed the max value.")
