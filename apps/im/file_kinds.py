"""What a file really is, told by its first bytes; a name and a claimed type are only hints.

Magic numbers as in the formats' own specifications; what is none of them and reads as text is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from apps.im.file_names import extension

Group = Literal["image", "audio", "video", "document", "archive", "text", "program", "other"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of file. `active`: it can hold scripts, so that no browser may ever draw it for us."""

    mime: str
    group: Group
    extensions: tuple[str, ...]
    active: bool = False


def _kind(mime: str, group: Group, *extensions: str, active: bool = False) -> Kind:
    return Kind(mime, group, extensions, active)


PNG = _kind("image/png", "image", "png")
JPEG = _kind("image/jpeg", "image", "jpg", "jpeg")
GIF = _kind("image/gif", "image", "gif")
WEBP = _kind("image/webp", "image", "webp")
BMP = _kind("image/bmp", "image", "bmp")
TIFF = _kind("image/tiff", "image", "tif", "tiff")
SVG = _kind("image/svg+xml", "image", "svg", active=True)
PDF = _kind("application/pdf", "document", "pdf")
ZIP = _kind("application/zip", "archive", "zip")
GZIP = _kind("application/gzip", "archive", "gz", "tgz")
TAR = _kind("application/x-tar", "archive", "tar")
OPAQUE = _kind("application/x-archive", "archive", "7z", "rar", "xz", "bz2", "zst", "lz4", "cab")
_OFFICE = "application/vnd.openxmlformats-officedocument"
DOCX = _kind(f"{_OFFICE}.wordprocessingml.document", "document", "docx")
XLSX = _kind(f"{_OFFICE}.spreadsheetml.sheet", "document", "xlsx")
PPTX = _kind(f"{_OFFICE}.presentationml.presentation", "document", "pptx")
ODF = _kind("application/vnd.oasis.opendocument", "document", "odt", "ods", "odp")
OLE = _kind("application/x-ole-storage", "document", "doc", "xls", "ppt")
RTF = _kind("application/rtf", "document", "rtf")
OGG = _kind("audio/ogg", "audio", "ogg", "opus", "oga")
WAV = _kind("audio/wav", "audio", "wav")
MP3 = _kind("audio/mpeg", "audio", "mp3")
M4A = _kind("audio/mp4", "audio", "m4a")
AAC = _kind("audio/aac", "audio", "aac")
AMR = _kind("audio/amr", "audio", "amr")
AMR_WB = _kind("audio/amr-wb", "audio", "awb", "amr")
FLAC = _kind("audio/flac", "audio", "flac")
WEBM = _kind("video/webm", "video", "webm", "mkv")
MP4 = _kind("video/mp4", "video", "mp4", "m4v", "mov", "3gp")
HTML = _kind("text/html", "text", "html", "htm", active=True)
XML = _kind("text/xml", "text", "xml", active=True)
SCRIPT = _kind("text/x-script", "text", "sh", "py", "js", active=True)
CSV = _kind("text/csv", "text", "csv")
JSON = _kind("application/json", "text", "json")
TEXT = _kind("text/plain", "text", "txt", "md", "log")
PROGRAM = _kind("application/x-executable", "program", "exe", "dll", "so", "msi", "jar", "apk")
OTHER = _kind("application/octet-stream", "other")

#: Windows and shells run these by their name alone, whatever their content.
RUN_BY_NAME = frozenset(
    (
        *("exe", "com", "scr", "pif", "bat", "cmd", "ps1", "psm1", "vbs", "vbe", "js", "jse"),
        *("wsf", "wsh", "hta", "lnk", "msi", "msp", "jar", "apk", "app", "dmg", "reg", "cpl"),
        *("dll", "sys", "url", "desktop", "sh"),
    )
)
_MAGIC: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", PNG),
    (0, b"\xff\xd8\xff", JPEG),
    (0, b"GIF87a", GIF),
    (0, b"GIF89a", GIF),
    (0, b"II*\0", TIFF),
    (0, b"MM\0*", TIFF),
    (0, b"%PDF-", PDF),
    (0, b"PK\x03\x04", ZIP),
    (0, b"PK\x05\x06", ZIP),
    (0, b"\x1f\x8b", GZIP),
    (257, b"ustar", TAR),
    (0, b"7z\xbc\xaf\x27\x1c", OPAQUE),
    (0, b"Rar!\x1a\x07", OPAQUE),
    (0, b"\xfd7zXZ\0", OPAQUE),
    (0, b"BZh", OPAQUE),
    (0, b"\x28\xb5\x2f\xfd", OPAQUE),
    (0, b"\x04\x22\x4d\x18", OPAQUE),
    (0, b"MSCF", OPAQUE),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (0, b"{\\rtf", RTF),
    (0, b"OggS", OGG),
    (0, b"ID3", MP3),
    (0, b"#!AMR-WB\n", AMR_WB),
    (0, b"#!AMR\n", AMR),
    (0, b"fLaC", FLAC),
    (0, b"\x1a\x45\xdf\xa3", WEBM),
    (0, b"\x7fELF", PROGRAM),
    (0, b"\xfe\xed\xfa\xce", PROGRAM),
    (0, b"\xfe\xed\xfa\xcf", PROGRAM),
    (0, b"\xce\xfa\xed\xfe", PROGRAM),
    (0, b"\xcf\xfa\xed\xfe", PROGRAM),
    (0, b"\xca\xfe\xba\xbe", PROGRAM),
    (0, b"\0asm", PROGRAM),
    (0, b"L\0\0\0\x01\x14\x02\0", PROGRAM),  # a Windows shortcut
    (0, b"#!", SCRIPT),
)
#: By extension, for what reads as text.
_TEXTS = {"csv": CSV, "html": HTML, "htm": HTML, "xhtml": HTML, "svg": SVG, "xml": XML}
_SCRIPTS = frozenset(("py", "rb", "pl", "php", "js", "mjs", "ts", "vbs", "ps1", "sh", "bat", "cmd"))
_MARKUP = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*"
    r"<(!doctype\s+html|html|head|body|script|iframe|svg)\b",
    re.IGNORECASE | re.DOTALL,
)
_HEAD = 4096


def sniff(data: bytes, name: str = "") -> Kind:
    """What these bytes are. `name` only tells kinds of text apart."""
    head = data[:_HEAD]
    for place, magic, kind in _MAGIC:
        if head.startswith(magic, place):
            return _inside_zip(data) if kind is ZIP else kind
    # UTF-16's mark is also how a rare kind of MP3 begins.
    marked = _text(data, name) if head.startswith(b"\xff\xfe") else None
    return marked or _container(head) or _text(data, name) or OTHER


def readable(data: bytes) -> str | None:
    """The bytes as text (UTF-8, with a mark UTF-16, or GB 18030); None when they are none."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        codecs = ["utf-16"]
    elif b"\0" in data:
        return None
    else:
        codecs = ["utf-8-sig", "gb18030"]
    for codec in codecs:
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        odd = sum(not one.isprintable() and one not in "\t\r\n\f\v" for one in text[:_HEAD])
        return text if odd <= len(text[:_HEAD]) // 100 else None
    return None


def fits(kind: Kind, name: str) -> bool:
    """Does the name say what the bytes are? (A claimed type is the sender's guess by that name.)"""
    last = extension(name)
    return not last or last in kind.extensions or kind in {TEXT, OTHER, SCRIPT}


def _container(head: bytes) -> Kind | None:
    if head[:4] == b"RIFF":
        return {b"WAVE": WAV, b"WEBP": WEBP}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return M4A if head[8:12] in {b"M4A ", b"M4B "} else MP4
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return AAC  # ADTS, ISO/IEC 13818-7: twelve set bits, layer 0
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
        return MP3
    if head[:2] == b"MZ" and len(head) > 64:
        return PROGRAM
    if head[:2] == b"BM" and len(head) > 26 and head[6:10] == b"\0\0\0\0":
        return BMP
    return None


def _inside_zip(data: bytes) -> Kind:
    """Office documents, programs and plain archives are all ZIP: told by the names inside."""
    if b"META-INF/MANIFEST.MF" in data or b"AndroidManifest.xml" in data:
        return PROGRAM
    if data[30:38] == b"mimetype" and b"application/vnd.oasis.opendocument" in data[38:100]:
        return ODF
    if b"[Content_Types].xml" in data:
        for folder, kind in ((b"word/", DOCX), (b"xl/", XLSX), (b"ppt/", PPTX)):
            if folder in data:
                return kind
    return ZIP


def _text(data: bytes, name: str) -> Kind | None:
    if not data:
        return TEXT
    text = readable(data)
    if text is None:
        return None
    markup = _MARKUP.match(text[:_HEAD])
    if markup:
        return SVG if markup[1].lower() == "svg" else HTML
    last = extension(name)
    if last in _SCRIPTS:
        return SCRIPT
    if last == "json" or (not last and text.lstrip()[:1] in {"{", "["}):
        return JSON
    if text.lstrip().startswith("<?xml"):
        return SVG if "<svg" in text[:_HEAD] else XML
    return _TEXTS.get(last, TEXT)
