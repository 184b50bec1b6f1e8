"""No address of ours takes a body without an end, whoever sends it."""

from __future__ import annotations

from typing import Any

import pytest

from clawdbot.asgi import LARGEST_BODY, application

PIECE = 256 * 1024


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/sign-in/", "/api/v1/ask/", "/nothing/"])
async def test_whoever_sends_without_an_end_is_hung_up_on(path: str) -> None:
    taken, sent = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += PIECE
        assert taken <= 2 * LARGEST_BODY, "still reading"
        return {"type": "http.request", "body": b"x" * PIECE, "more_body": True}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("10.9.8.7", 1),
    }
    await application(scope, receive, send)
    assert taken == LARGEST_BODY + PIECE
    assert not sent
