"""`manage.py connect`: the outgoing connections of bots with connection=stream."""

from __future__ import annotations

import asyncio
from typing import Any

from django.core.management.base import BaseCommand

from apps.webhooks.connect import hold


class Command(BaseCommand):
    """Hold the connections until interrupted; `up` runs the same as one of its children."""

    help = "Keep the outgoing connections of bots. 维持机器人的对外连接（长连接、轮询）。"
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Ends with Ctrl-C or SIGTERM."""
        asyncio.run(hold())
