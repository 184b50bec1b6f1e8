"""A strict stand-in of an OpenAI-compatible model server, for tests and for trying models.

It thinks nothing: `answers` are given one after the other, then `answer` for ever. An answer is
what the assistant's message holds (a text, or a dict such as `{"tool_calls": […]}`), or a function
of the request's body that returns one.
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Callable
from typing import Any

from apps.simulate.server import Answer, Call, HttpStand

KEY = "sk-stand-model-0123456789"
MODEL = "stand-model"
Body = dict[str, Any]
Said = str | Body | Callable[[Body], "str | Body"]


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
    """`asked` holds the bodies of the chat requests that were let in."""

    def __init__(self, port: int = 0, *, answer: Said = "pong", key: str = KEY) -> None:
        super().__init__(port)
        self.answer = answer
        self.answers: list[Said] = []
        self.key = key
        self.asked: list[Body] = []

    @property
    def base_url(self) -> str:
        """What `model add` takes."""
        return f"{self.url}/v1"

    def respond(self, call: Call) -> Answer:
        """Check the request as a vendor does; the errors' shape is OpenAI's."""
        if call.headers.get("authorization") != f"Bearer {self.key}":
            return error(401, "Incorrect API key provided", "invalid_api_key")
        if (call.method, call.path) == ("GET", "/v1/models"):
            return Answer(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        if (call.method, call.path) != ("POST", "/v1/chat/completions"):
            return error(404, f"no such path {call.path}", "not_found")
        try:
            body = call.json()
        except ValueError as broken:
            return error(400, str(broken), "invalid_json")
        if body.get("model") != MODEL:
            return error(404, f"The model {body.get('model')} does not exist", "model_not_found")
        if not body.get("messages"):
            return error(400, "messages is required", "invalid_request_error")
        self.asked.append(body)
        return Answer(200, completion(self._said(body), body))

    def _said(self, body: Body) -> str | Body:
        said = self.answers.pop(0) if self.answers else self.answer
        return said(body) if callable(said) else said


def completion(said: str | Body, body: Body) -> Body:
    """A whole answer around an assistant's message; a token is four characters here."""
    message: Body = {"role": "assistant", **(said if isinstance(said, dict) else {"content": said})}
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    used = {
        "prompt_tokens": len(json.dumps(body["messages"], ensure_ascii=False)) // 4 + 1,
        "completion_tokens": len(json.dumps(message, ensure_ascii=False)) // 4 + 1,
    }
    return {
        "id": "chatcmpl-stand",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {**used, "total_tokens": sum(used.values())},
    }


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
