"""Names of files from outside: what is left of them is a name, and nothing else."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 120  # characters
#: UTF-8; file systems take 255, and we leave room.
LONGEST_BYTES = 200
# What Windows takes for devices, whatever their extension.
_DEVICES = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_BLANKS = re.compile(r"\s+")


def clean(name: str, fallback: str = "file") -> str:
    """A bare file name: no folders, nothing invisible, nothing that a system takes for a device.

    The extension is kept when the name is cut.
    """
    bare = re.split(r"[/\\]", name)[-1]
    # Controls, bidirectional overrides, zero-width marks, lone surrogates, private characters.
    seen = "".join(one for one in bare if unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Co"})
    seen = unicodedata.normalize("NFC", seen)
    seen = _BLANKS.sub(" ", _FORBIDDEN.sub("_", seen)).strip(" .")
    if _DEVICES.fullmatch(seen):
        seen = "_" + seen
    return _cut(seen) or fallback


def extension(name: str) -> str:
    """The extension in lower case and without its dot, "" when there is none."""
    _, dot, last = name.rpartition(".")
    return last.lower() if dot and last.isalnum() and len(last) <= 8 else ""


def _cut(name: str) -> str:
    if len(name) <= LONGEST and len(name.encode()) <= LONGEST_BYTES:
        return name
    last = extension(name)
    tail = f".{last}" if last else ""
    stem = name.removesuffix(tail) if last and name.endswith(tail) else name.rpartition(".")[0]
    stem = (stem or name)[: LONGEST - len(tail)]
    room = LONGEST_BYTES - len(tail.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(" .") + tail
