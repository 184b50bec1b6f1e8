"""The WebSocket addresses."""

from __future__ import annotations

from typing import Any

from channels.routing import URLRouter
from django.urls import path

from apps.webchat.consumers import ChatConsumer

consumer: Any = ChatConsumer.as_asgi()
routes: list[Any] = [path("ws/chat/", consumer)]
websocket_application = URLRouter(routes)
