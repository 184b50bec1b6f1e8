"""Sounds for the tests, made here: tones in every format, and English from espeak-ng."""

from __future__ import annotations

import io
import math
import shutil
import struct
import subprocess

import av
import pytest

from apps.speech import local

RATE = 16_000
#: (container, codec, rate, real type) of what phones and platforms record.
FORMATS = {
    "opus": ("ogg", "libopus", 48_000, "audio/ogg"),
    "amr": ("amr", "libopencore_amrnb", 8_000, "audio/amr"),
    "m4a": ("ipod", "aac", 44_100, "audio/mp4"),
    "aac": ("adts", "aac", 44_100, "audio/aac"),
    "mp3": ("mp3", "libmp3lame", 44_100, "audio/mpeg"),
    "wav": ("wav", "pcm_s16le", 22_050, "audio/wav"),
    "webm": ("webm", "libopus", 48_000, "video/webm"),
}
#: Ten seconds of silence in AMR-WB: 6.60 kbit/s frames of zeros (3GPP TS 26.201, 26.204), which
#: nothing here can encode.
AMR_WB = b"#!AMR-WB\n" + (b"\x04" + bytes(17)) * 500


def tone(seconds: float = 1.0, rate: int = RATE) -> bytes:
    """A sine of 440 Hz, 16 bit mono."""
    count = int(seconds * rate)
    values = (int(12_000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(count))
    return struct.pack(f"<{count}h", *values)


def encoded(name: str, samples: bytes, rate: int = RATE) -> bytes:
    """The samples as a file of that format."""
    container, codec, to_rate, _ = FORMATS[name]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=to_rate)
        stream.layout = "mono"
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples) // 2)
        frame.sample_rate = rate
        frame.planes[0].update(samples)
        resampler = av.AudioResampler(
            format=stream.format.name,
            layout="mono",
            rate=to_rate,
            frame_size=stream.frame_size or 0,
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue()


def spoken(text: str) -> bytes:
    """English speech as a WAV file."""
    program = shutil.which("espeak-ng")
    if program is None:
        pytest.skip("needs espeak-ng")
    command = [program, "-v", "en-us", "-s", "140", "--stdout", text]
    return subprocess.run(command, check=True, capture_output=True).stdout


def need_local() -> None:
    """Skip where the optional extra is not installed."""
    if not local.installed():
        pytest.skip("needs the optional extra (make speech)")
