"""The WebSocket addresses."""

from __future__ import annotations

from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from apps.webchat.consumers import ChatConsumer


async def nowhere(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Refuse a socket to any other address; the web server makes a 403 of it."""
    await receive()
    await send({"type": "websocket.close"})


consumer: Any = ChatConsumer.as_asgi()
anywhere_else: Any = nowhere
routes: list[Any] = [path("ws/chat/", consumer), re_path("", anywhere_else)]
websocket_application = URLRouter(routes)
