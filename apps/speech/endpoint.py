"""The transcriber behind an address: OpenAI's `POST /v1/audio/transcriptions`, as many speak it.

Sent as WAV, which every one of them takes (none takes AMR).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from apps.core import crypto, strictjson
from apps.core.http import File, HttpError, Response, TooLarge, sync_door
from apps.speech.decode import Sound
from apps.speech.errors import RefusedHere, TryLater
from apps.speech.models import Transcriber

PATH = "/audio/transcriptions"
TIMEOUT_S = 60.0
MAX_ANSWER = 256 * 1024


def hear(row: Transcriber, sound: Sound) -> str:
    """What was said, as the endpoint writes it. Raises `TryLater` or `RefusedHere`."""
    fields = {"model": row.model, "response_format": "json", "temperature": "0"}
    if row.language:
        fields["language"] = row.language
    key = api_key(row)
    try:
        response = sync_door.post(
            address(row.base_url),
            configured=True,
            data=fields,
            files={"file": File("voice.wav", sound.wav(), "audio/wav")},
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=TIMEOUT_S,
            max_bytes=MAX_ANSWER,
            repeatable=True,
        )
    except TooLarge as error:
        raise RefusedHere(why="too much answer") from error
    except HttpError as error:
        raise TryLater(why=str(error)[:200]) from error
    return _text(response)


def _text(response: Response) -> str:
    why = f"HTTP {response.status}"
    if response.status in {408, 425, 429} or response.status >= 500:
        raise TryLater(why=why)
    if not response.ok:
        raise RefusedHere(why=why)
    try:
        body = response.json()
    except strictjson.MalformedJson as error:
        raise RefusedHere(why="no JSON") from error
    text = body.get("text") if isinstance(body, dict) else None
    if not isinstance(text, str):
        raise RefusedHere(why="no text")
    return text


def address(base_url: str) -> str:
    """Where to post: `base_url` with or without its `/v1`, or the whole address."""
    base = base_url.rstrip("/")
    if base.endswith(PATH):
        return base
    return base + PATH if urlsplit(base).path else f"{base}/v1{PATH}"


def api_key(row: Transcriber) -> str:
    """The key in clear, "" when there is none."""
    return crypto.decrypt(row.api_key, aad(row)) if row.api_key else ""


def aad(row: Transcriber) -> str:
    """What binds the stored key to this row."""
    return f"speech.transcriber|{row.uid}|api_key"
