"""What the tests of the wire share: a target at a stand, questions, tools, whole streams."""

from __future__ import annotations

from typing import Any

from apps.core.crypto import Secret
from apps.llm import chat
from apps.llm.shapes import Answer, Ask, Piece, Tool, user
from apps.llm.target import Target
from apps.simulate.model import KEY, MODEL, ModelStand

CANCEL = Tool(
    "cancel",
    "Cancels a task.",
    {"type": "object", "properties": {"task_id": {"type": "integer"}}, "required": ["task_id"]},
)
PING = Tool("ping", "Says pong.", {"type": "object", "properties": {}})
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city", "days"],
}


def target(
    stand: ModelStand, provider: str = "custom", model: str = MODEL, *, key: str = KEY,
    timeout: float = 10.0, **quirks: Any,
) -> Target:  # fmt: skip
    """A model of a provider, at the stand."""
    stand.models.add(model)
    return Target("m", provider, stand.base_url, model, Secret(key), timeout, quirks)


def ask(text: str = "Hello", **more: Any) -> Ask:
    """One question of a person."""
    return Ask((user(text),), **more)


async def streamed(where: Target, question: Ask) -> tuple[Answer, list[Piece]]:
    """The whole answer of a stream, and the pieces before it."""
    pieces = [piece async for piece in chat.stream(where, question)]
    *before, last = pieces
    assert last.answer is not None
    assert all(piece.answer is None for piece in before)
    return last.answer, pieces
