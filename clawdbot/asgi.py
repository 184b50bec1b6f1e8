"""The ASGI entrance: webhooks straight to the ingress, /v1/ to the model gateway, /ws/ to Channels,
the rest to Django."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clawdbot.settings.base")

from django.core.asgi import get_asgi_application

django_app = get_asgi_application()

from apps.api.openai.asgi import OpenAiApp
from apps.webchat.routing import websocket_application
from apps.webhooks.asgi import WebhookApp

webhooks = WebhookApp()
models = OpenAiApp()


#: Django itself would put a body of any length on the disk before it looks at who sends it.
LARGEST_BODY = 2 * 1024 * 1024


def capped(receive: Any) -> Any:
    """Hang up on whoever sends more than 2 MiB: no page and no call of ours takes as much."""
    size = 0

    async def read() -> dict[str, Any]:
        nonlocal size
        event: dict[str, Any] = await receive()
        size += len(event.get("body", b""))
        return {"type": "http.disconnect"} if size > LARGEST_BODY else event

    return read


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Hand each connection to the part that serves it."""
    if scope["type"] == "http" and scope["path"].startswith("/webhooks/"):
        await webhooks(scope, receive, send)
    elif scope["type"] == "http" and scope["path"].startswith("/v1/"):
        await models(scope, receive, send)
    elif scope["type"] == "websocket":
        await websocket_application(scope, receive, send)  # type: ignore[arg-type]
    elif scope["type"] == "http":
        await django_app(scope, capped(receive), send)
