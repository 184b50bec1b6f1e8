"""A strict stand-in of an OpenAI-compatible model server, for tests and for trying models.

It thinks nothing: `answers` are given one after the other, then `answer` for ever. An answer is
what the assistant's message holds (a text, or a dict such as `{"tool_calls": […]}`), a `Reply` with
all its detail, an `Answer` (of the server, for errors), or a function of the request's body that
returns one of them. With a `vendor` it is as strict as that one.
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Callable
from typing import Any

from apps.simulate.model_stream import Body, Reply, spoken
from apps.simulate.model_vectors import vectors
from apps.simulate.model_vendors import objection
from apps.simulate.server import Answer, Call, HttpStand

__all__ = ["KEY", "MODEL", "Body", "ModelStand", "Reply", "Said", "calls", "error"]

KEY = "sk-stand-model-0123456789"
MODEL = "stand-model"
Said = str | Body | Reply | Answer | Callable[[Body], Any]


def calls(*made: tuple[str, Body]) -> Body:
    """An assistant's message that calls tools: `calls(("ping", {}))`."""
    return {
        "content": None,
        "tool_calls": [
            {
                "id": f"call_{number}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(given, ensure_ascii=False)},
            }
            for number, (name, given) in enumerate(made)
        ],
    }


class ModelStand(HttpStand):
    """`asked` holds the bodies of the chat requests that were let in, `embedded` those of the
    requests for vectors."""

    def __init__(
        self, port: int = 0, *, answer: Said = "pong", key: str = KEY, vendor: str = ""
    ) -> None:
        super().__init__(port)
        self.answer = answer
        self.answers: list[Said] = []
        self.key = key
        self.vendor = vendor
        self.models = {MODEL}
        self.asked: list[Body] = []
        self.embedded: list[Body] = []

    @property
    def base_url(self) -> str:
        """What `model add` takes."""
        return f"{self.url}/v1"

    def respond(self, call: Call) -> Answer:
        """Check the request as a vendor does; the errors' shape is OpenAI's."""
        if call.headers.get("authorization") != f"Bearer {self.key}":
            return error(401, "Incorrect API key provided", "invalid_api_key")
        if (call.method, call.path) == ("GET", "/v1/models"):
            known = [{"id": name, "object": "model"} for name in sorted(self.models)]
            return Answer(200, {"object": "list", "data": known})
        if call.method != "POST" or call.path not in {"/v1/chat/completions", "/v1/embeddings"}:
            return error(404, f"no such path {call.path}", "not_found")
        try:
            body = call.json()
        except ValueError as broken:
            return error(400, str(broken), "invalid_json")
        if body.get("model") not in self.models:
            return error(404, f"The model {body.get('model')} does not exist", "model_not_found")
        return self._vectors(body) if call.path == "/v1/embeddings" else self._chat(body)

    def _chat(self, body: Body) -> Answer:
        if not body.get("messages"):
            return error(400, "messages is required", "invalid_request_error")
        if (refused := objection(self.vendor, body)) is not None:
            return refused
        self.asked.append(body)
        said = self.answers.pop(0) if self.answers else self.answer
        said = said(body) if callable(said) else said
        if isinstance(said, Answer):
            return said
        return spoken(said if isinstance(said, Reply) else Reply(said), body)

    def _vectors(self, body: Body) -> Answer:
        self.embedded.append(body)
        given = body.get("input")
        texts = [given] if isinstance(given, str) else given
        if not texts or not all(isinstance(one, str) and one for one in texts):
            return error(400, "input must be texts", "invalid_request_error")
        return Answer(200, vectors(texts, body["model"]))


def error(status: int, message: str, code: str) -> Answer:
    """An error as OpenAI words it."""
    return Answer(status, {"error": {"message": message, "type": code, "code": code}})


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9491)
    parser.add_argument("--answer", default="pong")
    given = parser.parse_args()
    with ModelStand(given.port, answer=given.answer) as stand:
        print(f"model add stand base_url={stand.base_url} model={MODEL} api_key={KEY}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
