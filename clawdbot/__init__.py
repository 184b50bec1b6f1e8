"""The project: settings, addresses, the ASGI entrance and the Celery app."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Hand out the Celery app on demand, so that reading the settings alone stays cheap."""
    if name in {"celery_app", "app"}:
        from clawdbot.celery import app

        return app
    raise AttributeError(name)
