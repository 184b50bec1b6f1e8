"""Sound files to samples, in a process of their own: a decoder that is led astray harms only it."""

from __future__ import annotations

import struct
import subprocess
from dataclasses import dataclass

from apps.core import confined
from apps.core.i18n import both
from apps.speech import child
from apps.speech.errors import CannotHear, NotSound, TooLong, TryLater

MAX_SOUND = 10 * 1024 * 1024
#: Clicks and taps.
SHORTEST_S = 0.2
_DECODE_S = 30.0
_BROKEN = both("格式损坏", "it is damaged")
_UNKNOWN = both("不认识的格式", "an unknown format")
_SHORT = both("太短", "too short")
_SLOW = both("超时", "it took too long")


@dataclass(frozen=True, slots=True)
class Sound:
    """16 kHz mono, 16 bit little-endian."""

    samples: bytes

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / 2 / child.RATE

    def wav(self) -> bytes:
        """The same as a WAV file (RIFF, PCM)."""
        size, rate = len(self.samples), child.RATE
        head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1,
                           rate, rate * 2, 2, 16, b"data", size)  # fmt: skip
        return head + self.samples


def decode(data: bytes, mime: str) -> Sound:
    """The sound of a file whose real type is `mime`. Raises `NotSound` or `TooLong`."""
    if mime not in child.READERS:
        raise NotSound(why=_UNKNOWN)
    if len(data) > MAX_SOUND:
        raise TooLong(seconds=child.LONGEST_S)
    sound = Sound(run(["decode", mime], data, _DECODE_S))
    if sound.seconds < SHORTEST_S:
        raise NotSound(why=_SHORT)
    return sound


def run(argv: list[str], data: bytes, timeout_s: float) -> bytes:
    """One run of the child with `data` on its stdin. Raises `CannotHear`."""
    try:
        return confined.run("apps.speech.child", argv, data, timeout_s)
    except subprocess.TimeoutExpired as error:
        raise NotSound(why=_SLOW) from error
    except OSError as error:
        raise TryLater(why=type(error).__name__) from error
    except confined.Ended as error:
        raise _why(error) from error


def _why(ended: confined.Ended) -> CannotHear:
    match ended.word:
        case "too_long":
            return TooLong(seconds=child.LONGEST_S)
        case "undecodable" | "unknown":
            return NotSound(why=_BROKEN)
        case _:  # killed by a limit, or a library that is missing
            return CannotHear(str(ended))
