"""WSGI entrance for hosts without ASGI: everything but the WebSocket works."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clawdbot.settings.base")
application = get_wsgi_application()
