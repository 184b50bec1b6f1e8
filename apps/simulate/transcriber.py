"""A strict stand-in of `POST /v1/audio/transcriptions` (OpenAI), for tests and for trying voice.

It hears nothing: what it answers is scripted, by default what `words` says for the length of the
sound.
"""

from __future__ import annotations

import argparse
import io
import threading
import wave

from apps.simulate.multipart import parts_of
from apps.simulate.server import Answer, Call, HttpStand

PATH = "/v1/audio/transcriptions"
FIELDS = {"file", "model", "language", "prompt", "response_format", "temperature"}
KEY = "sk-stand-0123456789"
MODEL = "stand-whisper"
MAX_FILE = 25 * 1024 * 1024


class TranscriberStand(HttpStand):
    """`answers` are said one after the other, then `words` for ever."""

    def __init__(self, port: int = 0, *, words: str = "ping", key: str = KEY) -> None:
        super().__init__(port)
        self.words = words
        self.key = key
        self.answers: list[str] = []
        self.heard_s: list[float] = []

    def respond(self, call: Call) -> Answer:
        """Check the request as the vendor does; the error's shape is the vendor's."""
        if (call.method, call.path) != ("POST", PATH):
            return _error(404, f"no such path {call.path}")
        if call.headers.get("authorization") != f"Bearer {self.key}":
            return _error(401, "Incorrect API key provided")
        try:
            parts = parts_of(call)
        except ValueError as error:
            return _error(400, str(error))
        if set(parts) - FIELDS or not {"file", "model"} <= set(parts):
            return _error(400, f"unknown or missing parameters {sorted(parts)}")
        if parts["model"].text != MODEL:
            return _error(404, f"The model {parts['model'].text} does not exist")
        file = parts["file"]
        if len(file.content) > MAX_FILE:
            return _error(413, "Maximum content size limit exceeded")
        try:
            with wave.open(io.BytesIO(file.content)) as sound:
                shape = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
                seconds = sound.getnframes() / sound.getframerate()
        except (wave.Error, EOFError) as error:
            return _error(400, f"Invalid file format: {error}")
        if shape != (1, 2, 16_000) or not file.filename.endswith(".wav"):
            return _error(400, f"unexpected sound {shape} in {file.filename}")
        self.heard_s.append(seconds)
        text = self.answers.pop(0) if self.answers else self.words
        return Answer(200, {"text": text})


def _error(status: int, message: str) -> Answer:
    return Answer(status, {"error": {"message": message, "type": "invalid_request_error"}})


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9490)
    parser.add_argument("--words", default="ping")
    given = parser.parse_args()
    with TranscriberStand(given.port, words=given.words) as stand:
        print(f"speech set base_url={stand.url}/v1 model={MODEL} api_key={KEY}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
