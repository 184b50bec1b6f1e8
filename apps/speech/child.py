"""The program that touches foreign sound: a process of its own, small, limited, soon over.

`python -m apps.speech.child decode KIND` turns a sound file on stdin into 16 kHz mono samples
(16 bit, little-endian) on stdout. `… hear OPTIONS` turns such samples into a JSON object. Both end
with status 3 and one word on stderr for what cannot be heard. Nothing of Django is loaded here.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

from apps.core.confined import fail, limit

RATE = 16_000
LONGEST_S = 120
#: What each of our kinds is called by FFmpeg. Named, so that a file cannot choose a reader for
#: itself: some (playlists, concatenations) open other files and addresses.
READERS = {
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/mp4": "mov",
    "video/mp4": "mov",
    "audio/aac": "aac",
    "audio/amr": "amr",
    "audio/amr-wb": "amr",
    "audio/flac": "flac",
    "video/webm": "matroska",
}
_MIB = 1024**2


def main(argv: list[str]) -> None:
    """Do one of the two."""
    match argv:
        case ["decode", kind]:
            limit(memory=1024 * _MIB, seconds=20)
            sys.stdout.buffer.write(decode(sys.stdin.buffer.read(), kind))
        case ["hear", options]:
            found = json.loads(options)
            limit(memory=4096 * _MIB, seconds=int(found["seconds"]))
            from apps.speech import whisper

            print(json.dumps(whisper.hear(sys.stdin.buffer.read(), found)))  # noqa: T201
        case _:
            fail("usage")
    sys.stdout.flush()


def decode(data: bytes, kind: str) -> bytes:
    """Samples of a sound file; ends the process for what is none or is too long."""
    import av

    if kind not in READERS:
        fail("unknown")
    samples = io.BytesIO()
    try:
        with av.open(io.BytesIO(data), mode="r", format=READERS[kind]) as container:
            if not container.streams.audio:
                fail("undecodable")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            for frame in container.decode(container.streams.audio[0]):
                _write(samples, resampler.resample(frame))
            _write(samples, resampler.resample(None))
    except (av.FFmpegError, ValueError):
        if samples.tell() < RATE:  # half a second: what was whole before the fault is kept
            fail("undecodable")
    return samples.getvalue()


def _write(samples: io.BytesIO, frames: list[Any]) -> None:
    for frame in frames:
        samples.write(bytes(frame.planes[0])[: frame.samples * 2])
        if samples.tell() > LONGEST_S * RATE * 2:
            fail("too_long")


if __name__ == "__main__":
    main(sys.argv[1:])
