"""A recording to the words that somebody would have typed: by the endpoint, else locally."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from apps.speech import decode, endpoint, local, tidying
from apps.speech.decode import Sound
from apps.speech.errors import NoTranscriber, Silence
from apps.speech.models import Transcriber

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said. Not `sure`: it may be something else and is offered, never acted on.

    `by` is the transcriber; `raw` is as it wrote it; `language` is zh, en or "".
    """

    text: str
    raw: str
    sure: bool
    language: str
    by: str
    seconds: float


def hear(data: bytes, mime: str) -> Heard:
    """What is said in a sound file whose real type is `mime`. Raises `CannotHear`."""
    sound = decode.decode(data, mime)
    raw, language, sure, by = transcribe(sound)
    text, clean = tidying.tidy(raw)
    log.info("speech.heard", by=by, seconds=round(sound.seconds, 1), characters=len(text))
    if not text:
        raise Silence
    return Heard(text, raw[:2000], sure and clean, language, by, sound.seconds)


def transcribe(sound: Sound) -> tuple[str, str, bool, str]:
    """(words, language, sure, who heard it). Raises `CannotHear`."""
    row = configured()
    if row is not None:
        return endpoint.hear(row, sound), row.language, True, row.model
    if local.installed():
        found = local.hear(sound)
        return str(found["text"]), str(found["language"]), bool(found["sure"]), local.NAME
    raise NoTranscriber


def configured() -> Transcriber | None:
    """The endpoint that is on, if any."""
    return Transcriber.objects.filter(enabled=True).order_by("pk").first()


def available() -> bool:
    """Can anything be heard here?"""
    return configured() is not None or local.installed()
