"""Every format becomes samples; what is hostile harms only a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from apps.core import confined
from apps.im import file_kinds
from apps.speech import child, decode
from apps.speech.errors import CannotHear, NotSound, TooLong
from tests.speech import sounds


@pytest.mark.parametrize("name", sounds.FORMATS)
def test_every_format_is_heard(name: str) -> None:
    data = sounds.encoded(name, sounds.tone(1.0))
    mime = file_kinds.sniff(data, "voice").mime
    assert mime == sounds.FORMATS[name][3]
    sound = decode.decode(data, mime)
    assert sound.seconds == pytest.approx(1.0, abs=0.15)
    loud = [abs(n) for n in memoryview(sound.samples).cast("h")]
    assert max(loud) > 6000


def test_wide_band_amr() -> None:
    assert file_kinds.sniff(sounds.AMR_WB).mime == "audio/amr-wb"
    assert decode.decode(sounds.AMR_WB, "audio/amr-wb").seconds == pytest.approx(10, abs=0.1)


def test_the_samples_are_a_wav_file_again() -> None:
    sound = decode.Sound(sounds.tone(0.5))
    again = decode.decode(sound.wav(), "audio/wav")
    assert again.samples == sound.samples


@pytest.mark.parametrize("name", ["opus", "amr", "mp3", "wav"])
def test_a_cut_file_is_heard_as_far_as_it_goes(name: str) -> None:
    data = sounds.encoded(name, sounds.tone(3.0))
    sound = decode.decode(data[: len(data) * 2 // 3], sounds.FORMATS[name][3])
    assert 1.0 < sound.seconds < 3.0


def test_a_cut_m4a_has_lost_its_index() -> None:
    data = sounds.encoded("m4a", sounds.tone(3.0))
    with pytest.raises(NotSound, match="damaged"):
        decode.decode(data[: len(data) * 2 // 3], "audio/mp4")


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (b"OggS" + os.urandom(4000), "audio/ogg"),
        (b"#!AMR\n", "audio/amr"),
        (b"ID3" + bytes(5000), "audio/mpeg"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff" + bytes(100), "audio/wav"),
        (b"\0\0\0\x20ftypM4A " + os.urandom(3000), "audio/mp4"),
        (b"%PDF-1.4", "application/pdf"),
        (b"#EXTM3U\n/etc/passwd\n", "text/plain"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "audio/ogg"),
    ],
)
def test_what_is_no_sound_is_refused(data: bytes, mime: str) -> None:
    with pytest.raises(NotSound):
        decode.decode(data, mime)


def test_two_minutes_are_enough() -> None:
    long = decode.Sound(bytes(2 * 16_000 * (child.LONGEST_S + 1))).wav()
    with pytest.raises(TooLong, match="120 s"):
        decode.decode(long, "audio/wav")


def test_a_file_that_unpacks_to_hours_is_cut_off() -> None:
    silence = sounds.encoded("opus", bytes(2 * 16_000 * 150))
    assert len(silence) < 200_000
    with pytest.raises(TooLong):
        decode.decode(silence, "audio/ogg")


def test_a_tap_on_the_microphone_is_no_message() -> None:
    with pytest.raises(NotSound, match="too short"):
        decode.decode(decode.Sound(sounds.tone(0.1)).wav(), "audio/wav")


CHILD = """
import resource, sys
from apps.speech import child
child.limit(memory=600 * 1024**2, seconds=2)
exec(sys.argv[1])
"""


def limited(deed: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", CHILD, deed], capture_output=True, timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux only")
@pytest.mark.parametrize(
    "deed",
    ["bytearray(2 * 1024**3)", "[n for n in iter(int, 1)]",
     "[open('/dev/null') for _ in range(100)]"],
)  # fmt: skip
def test_the_child_has_limits(deed: str) -> None:
    assert limited(deed).returncode != 0


def test_the_child_writes_nothing(tmp_path: Path) -> None:
    limited(f"open({str(tmp_path / 'a')!r}, 'w').write('x' * 100)")
    assert [path.read_bytes() for path in tmp_path.iterdir()] in ([], [b""])


def test_the_child_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAWDBOT_SECRET_KEYS", "s" * 40)
    assert not [name for name in confined.environment() if "CLAWDBOT" in name or "URL" in name]


def test_a_child_that_dies_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(CannotHear):
        decode.decode(decode.Sound(sounds.tone()).wav(), "audio/wav")
