"""How well and how fast the local transcriber hears: `python -m benchmarks.speech FOLDER`.

FOLDER holds WAV files and `manifest.jsonl` with a line `{"file": …, "transcript": …}` for each. The
recordings stay where they are. Both sides are compared as the assistant reads them: simplified
characters, long numbers in digits, without punctuation and blanks.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.core.private import MARKER

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clawdbot.settings.base")


@dataclass(frozen=True)
class Row:
    """One recording: what was said, what was heard, and what it took."""

    file: str
    said: str
    heard: str
    errors: int
    seconds: float
    took_s: float
    cpu_s: float

    @property
    def exact(self) -> bool:
        """Not one character wrong?"""
        return self.errors == 0


_NUMERALS = dict(zip("零一二三四五六七八九两", "01234567892", strict=True))
DIGITS = str.maketrans(_NUMERALS | {"十": "10"})


def bare(text: str) -> str:
    """A text as it is compared: letters alone, and all numbers as digits."""
    from apps.speech import tidying

    said = tidying.tidy(text)[0].casefold().translate(DIGITS)
    return "".join(one for one in said if one.isalnum())


def distance(one: str, other: str) -> int:
    """Characters to insert, remove or replace (Levenshtein)."""
    row = list(range(len(other) + 1))
    for n, letter in enumerate(one, 1):
        left, row[0] = row[0], n
        for m, match in enumerate(other, 1):
            left, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, left + (letter != match))
    return row[-1]


def measure(folder: Path, line: dict[str, Any]) -> Row:
    """Transcribe one recording, decoding and loading the model included."""
    from apps.speech import decode, local, tidying

    data = (folder / line["file"]).read_bytes()
    began, used = time.perf_counter(), _children_cpu()
    sound = decode.decode(data, "audio/wav")
    heard = tidying.tidy(str(local.hear(sound)["text"]))[0]
    took, cpu = time.perf_counter() - began, _children_cpu() - used
    errors = distance(bare(line["transcript"]), bare(heard))
    return Row(line["file"], line["transcript"], heard, errors, sound.seconds, took, cpu)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(rows: list[Row]) -> list[str]:
    """What is worth writing down."""
    letters = sum(len(bare(row.said)) for row in rows)
    errors = sum(row.errors for row in rows)
    sound = sum(row.seconds for row in rows)
    took, cpu = sum(row.took_s for row in rows), sum(row.cpu_s for row in rows)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    lines = [f"{row.errors:2d}  {row.said}  ->  {row.heard}" for row in rows]
    return [
        *lines,
        f"recordings {len(rows)}, {sound:.0f} s, exact {sum(row.exact for row in rows)}",
        f"character error rate {errors}/{letters} = {errors / letters:.3f}",
        f"real-time factor {took / sound:.2f} by the clock, {cpu / sound:.2f} of CPU",
        f"largest process {memory} MB",
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory(prefix="clawdbot-speech-") as home:
        (Path(home) / MARKER).write_text("{}")
        os.environ["CLAWDBOT_HOME"] = home
        import django

        django.setup()
        from apps.speech import local

        if not local.installed():
            sys.exit("the local transcriber is not installed: make speech")
        local.model()  # joined once, at installation
        manifest = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [measure(folder, json.loads(line)) for line in manifest if line.strip()]
        print("\n".join(report(rows)))


if __name__ == "__main__":
    main()
