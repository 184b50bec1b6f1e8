"""The process of `connect`: holds the outgoing connections until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress


async def hold() -> None:
    """Keep the connections of this installation until SIGTERM or SIGINT."""
    from django.conf import settings

    from apps.core.private import mark
    from apps.webhooks.streams import Connector

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sign_of_life = mark(settings.CLAWDBOT_HOME, "connect")

    def looked() -> None:
        with suppress(OSError):  # a full disk must not end what needs none
            sign_of_life.touch()

    await Connector().run(stop, looked)


def main() -> int:
    """Run it; returns the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clawdbot.settings.base")
    import django

    django.setup()
    asyncio.run(hold())
    return 0


if __name__ == "__main__":
    sys.exit(main())
