"""Stored files: names, real types, archives, and the bytes on disk."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.models import Person
from apps.im import archives, file_kinds, file_names, files
from apps.im.archives import UnsafeArchive
from apps.im.base import Media
from apps.im.models import StoredFile

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30

#: A header of a tar file that says it is 30 MB long, and much of it.
LONG_HEADER = tarfile.TarInfo("p")
LONG_HEADER.size, LONG_HEADER.type = 30_000_000, tarfile.XHDTYPE


def zipped(**names: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in names.items():
            archive.writestr(name, data)
    return packed.getvalue()


def tarred(*members: tarfile.TarInfo, mode: str = "w:gz", data: bytes = b"") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for one in members:
            archive.addfile(one, io.BytesIO(data))
    return packed.getvalue()


def member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    one = tarfile.TarInfo(name)
    one.size, one.type = size, kind
    one.linkname = "/etc/passwd" if kind in {tarfile.SYMTYPE, tarfile.LNKTYPE} else ""
    return one


def inspected(data: bytes) -> list[archives.Entry]:
    return archives.inspect(data, file_kinds.sniff(data))


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\报告.docx", "报告.docx"),
        ("a\x00b\r\n.txt", "ab.txt"),
        ("annual\u202ecod.exe", "annualcod.exe"),
        ("CON.txt", "_CON.txt"),
        ("lpt1", "_lpt1"),
        ('a<b>:"c|?*.txt', "a_b___c___.txt"),
        ("  .. ", "file"),
        ("", "file"),
        ("\ud800", "file"),
        ("x" * 500 + ".tar", "x" * 116 + ".tar"),
    ],
)
def test_a_name_is_a_name(given_name: str, kept: str) -> None:
    assert file_names.clean(given_name) == kept


@given(st.text(max_size=400))
def test_any_name_becomes_harmless(name: str) -> None:
    kept = file_names.clean(name)
    assert kept
    assert kept not in {".", ".."}
    assert not {"/", "\\"} & set(kept)
    assert not any(unicodedata.category(one) in {"Cc", "Cf", "Cs"} for one in kept)
    assert len(kept.encode()) <= file_names.LONGEST_BYTES
    assert file_names.clean(kept) == kept


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (PNG, "a.png", file_kinds.PNG),
        (b"\xff\xd8\xff\xe0", "a.png", file_kinds.JPEG),
        (b"GIF89a..", "a", file_kinds.GIF),
        (b"%PDF-1.7", "a.doc", file_kinds.PDF),
        (b"OggS\0\2", "v.amr", file_kinds.OGG),
        (b"#!AMR\n\x3c", "v", file_kinds.AMR),
        (b"#!AMR-WB\n\x3c", "v", file_kinds.AMR_WB),
        (b"RIFF\0\0\0\0WAVEfmt ", "v", file_kinds.WAV),
        (b"ID3\4\0", "v", file_kinds.MP3),
        (b"\xff\xfb\x90\x00", "v", file_kinds.MP3),
        (b"\xff\xf1\x50\x80", "v", file_kinds.AAC),
        (b"\0\0\0\x20ftypM4A ", "v", file_kinds.M4A),
        (b"\0\0\0\x20ftypisom", "v", file_kinds.MP4),
        (b"\x7fELF\2\1", "a.txt", file_kinds.PROGRAM),
        (b"MZ" + b"\0" * 70, "a.png", file_kinds.PROGRAM),
        (b"#!/bin/sh\n", "a.txt", file_kinds.SCRIPT),
        (b"<!DOCTYPE html><p>", "a.txt", file_kinds.HTML),
        (b"  <!-- x --> <script>", "a.png", file_kinds.HTML),
        (b"<?xml version='1.0'?><svg>", "a.xml", file_kinds.SVG),
        (b"<?xml version='1.0'?><a/>", "a.xml", file_kinds.XML),
        ("名,数\n".encode("gb18030"), "a.csv", file_kinds.CSV),
        (b'{"a": 1}', "", file_kinds.JSON),
        ("你好".encode(), "a.unknown", file_kinds.TEXT),
        (b"\0\1\2\3", "a.txt", file_kinds.OTHER),
        (zipped(**{"a.txt": b""}), "a.docx", file_kinds.ZIP),
        (zipped(**{"[Content_Types].xml": b"", "xl/a.xml": b""}), "a", file_kinds.XLSX),
        (zipped(**{"META-INF/MANIFEST.MF": b""}), "a.zip", file_kinds.PROGRAM),
    ],
)
def test_the_bytes_say_what_it_is(data: bytes, name: str, kind: file_kinds.Kind) -> None:
    assert file_kinds.sniff(data, name) is kind


def test_good_archives_are_listed() -> None:
    assert inspected(zipped(**{"a/b.txt": b"hi"})) == [archives.Entry("a/b.txt", 2)]
    assert inspected(tarred(member("a", 3), data=b"abc")) == [archives.Entry("a", 3)]
    assert inspected(tarred(member("a", 3), mode="w", data=b"abc")) == [archives.Entry("a", 3)]
    assert inspected(gzip.compress(b"hello")) == [archives.Entry("", 5)]


def nested(depth: int) -> bytes:
    data = zipped(**{"a.txt": b"hi"})
    for _ in range(depth):
        data = zipped(**{"inner.zip": data})
    return data


def overlapping() -> bytes:
    """The list names one compressed piece many times (David Fifield's better ZIP bomb)."""
    data = zipped(**{"a.txt": os.urandom(5000)})
    start = data.index(b"PK\x01\x02")
    entry, end = data[start : data.index(b"PK\x05\x06")], data[data.index(b"PK\x05\x06") :]
    body = data[:start] + entry * 50
    count, size = (50).to_bytes(2, "little"), (len(entry) * 50).to_bytes(4, "little")
    return body + end[:8] + count + count + size + end[16:]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: zipped(**{"a": b"\0" * 50_000_000}), "suspiciously"),
        (lambda: zipped(**{"../a": b"x"}), "leads out"),
        (lambda: zipped(**{"/etc/a": b"x"}), "leads out"),
        (lambda: zipped(**{"a\\..\\..\\b": b"x"}), "leads out"),
        (lambda: zipped(**{f"{n}": b"" for n in range(2500)}), "more than 2000"),
        (lambda: nested(3), "too deep"),
        (overlapping, "suspiciously|broken"),
        (lambda: zipped(**{"a.txt": b"hi"})[:-10], "broken"),
        (lambda: tarred(member("../a", 1), data=b"x"), "leads out"),
        (lambda: tarred(member("a", kind=tarfile.SYMTYPE)), "a link"),
        (lambda: tarred(member("a", kind=tarfile.LNKTYPE)), "a link"),
        (lambda: tarred(member("a", kind=tarfile.CHRTYPE)), "special"),
        (lambda: gzip.compress(b"\0" * 60_000_000), "suspiciously"),
        (lambda: gzip.compress(b"hello")[:-6], "broken"),
        (
            lambda: gzip.compress(member("p", 30_000_000, tarfile.XHDTYPE).tobuf() + bytes(10**7)),
            "sus",
        ),
        (lambda: b"7z\xbc\xaf\x27\x1c" + bytes(40), "cannot be checked"),
        (lambda: zipped(**{"b.zip": zipped(**{"../a": b""})}), "leads out"),
    ],
)
def test_an_unsafe_archive_is_refused_with_its_reason(make: Callable[[], bytes], why: str) -> None:
    with pytest.raises(UnsafeArchive, match=why):
        inspected(make())


def test_a_link_in_a_zip_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = zipfile.ZipInfo("a")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UnsafeArchive, match="a link"):
        inspected(packed.getvalue())


@given(st.binary(max_size=300), st.sampled_from([b"PK\x03\x04", b"\x1f\x8b\x08", b""]))
def test_any_bytes_are_listed_or_refused(data: bytes, magic: bytes) -> None:
    try:
        inspected(magic + data)
    except UnsafeArchive:
        return


def test_a_file_is_kept_for_one_person(alice: Person) -> None:
    media = Media(PNG, "../a.txt", "text/plain")
    row = files.save(media, person_id=alice.pk, conversation_id=None)
    path = files.path_of(row)
    assert (row.name, row.mime, row.size) == ("a.txt", "image/png", len(PNG))
    assert path.parent.parent == files.folder()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert files.media_of(row).data == PNG
    assert files.link(row).endswith(f"/chat/files/{row.uid}")


@pytest.mark.parametrize(
    ("media", "why"),
    [
        (Media(b"\x7fELF" + bytes(60), "a.txt"), "programs"),
        (Media(b"start calc", "invoice.bat"), "programs"),
        (Media(b"", "a.txt"), "empty"),
        (Media(bytes(files.MAX_FILE + 1), "a.bin"), "larger than 20 MB"),
    ],
)
def test_what_is_not_accepted_leaves_nothing(db: None, media: Media, why: str) -> None:
    with pytest.raises(files.FileRefused, match=why):
        files.save(media, person_id=None, conversation_id=None)
    assert not StoredFile.objects.exists()


def test_old_files_go_and_so_do_bytes_without_a_row(alice: Person) -> None:
    now = timezone.now()
    kept = files.save(Media(b"new", "a.txt"), person_id=alice.pk, conversation_id=None)
    old = files.save(Media(b"old", "a.txt"), person_id=alice.pk, conversation_id=None)
    StoredFile.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=31))
    stray = files.path_of(kept).with_name("00000000-0000-4000-8000-000000000000")
    stray.write_bytes(b"half written")
    assert files.remove_old(now) == 1  # a young stray may be about to get its row
    yesterday = (now - timedelta(days=2)).timestamp()
    for path in (stray, files.path_of(kept)):
        os.utime(path, (yesterday, yesterday))
    assert files.remove_old(now) == 1
    assert files.read(kept) == b"new"
    assert not stray.exists()
    with pytest.raises(files.FileGone):
        files.read(old)


@pytest.mark.parametrize(
    ("claimed", "kept"),
    [
        ("application/x-cad", "application/x-cad"),
        ("image/png", "application/octet-stream"),  # or a browser would be told to draw it
        ("text/html", "application/octet-stream"),
        ("a/b\r\nx: y", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
@pytest.mark.django_db
def test_a_claimed_type_counts_only_where_the_bytes_say_nothing(claimed: str, kept: str) -> None:
    row = files.save(Media(b"\0\1\2\3", "a.bin", claimed), person_id=None, conversation_id=None)
    assert (row.mime, files.shown_inline(row)) == (kept, False)


@pytest.mark.django_db
def test_a_claimed_duration_has_room() -> None:
    media = Media(b"OggS" + bytes(30), "a.ogg", "audio/ogg", 10**60)
    row = files.save(media, person_id=None, conversation_id=None)
    row.refresh_from_db()
    assert row.duration_ms == 2**31 - 1


def test_whatever_breaks_inside_an_archive_is_a_broken_archive() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.zip", b"x" * 5000)
    data = bytearray(packed.getvalue())
    at = data.index(b"a.zip") + 5 + 12
    data[at : at + 8] = b"\xff" * 8
    nameless = zipped(a=b"1")
    place = nameless.rindex(b"PK\1\2")
    nameless = nameless[: place + 28] + b"\0\0" + nameless[place + 30 :]
    for broken in (bytes(data), nameless):
        with pytest.raises(UnsafeArchive):
            inspected(broken)
