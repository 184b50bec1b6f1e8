"""The bots that may receive, remembered by version: one look at the database for each group."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from apps.core.sql import Among, Prepared
from apps.im.base import Platform, all_platforms, get_platform
from apps.im.bots import config_of
from apps.im.models import Bot


@dataclass(frozen=True)
class Receiver:
    """One enabled bot as it was when it was read."""

    bot_id: int
    version: int
    adapter: Platform
    config: dict[str, Any] = field(repr=False)


class Directory:
    """Receivers by (platform, slug). A remembered one is checked before its message is stored."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Receiver] = {}
        self._look_again = 0.0

    def remembered(self, platform: str, slug: str) -> Receiver | None:
        """The receiver as last read, without touching the database."""
        return self._known.get((platform, slug))

    def may_be_new(self) -> bool:
        """May a bot that is not remembered be looked for in the database? Once a second."""
        now = time.monotonic()
        if now < self._look_again:
            return False
        self._look_again = now + 1.0
        return True

    def read(self, platform: str, slug: str) -> Receiver | None:
        """The receiver as the database has it now; None when unknown or disabled."""
        # What comes from an address may hold anything, and PostgreSQL looks for no NUL.
        possible = platform in all_platforms() and "\0" not in slug
        possible = possible and get_platform(platform).abilities.receives
        rows = Bot.objects.filter(platform=platform, slug=slug, enabled=True)
        bot = rows.first() if possible else None
        if bot is None:
            self._known.pop((platform, slug), None)
            return None
        known = self._known.get((platform, slug))
        if known and (known.bot_id, known.version) == (bot.pk, bot.version):
            return known
        receiver = Receiver(bot.pk, bot.version, get_platform(platform), config_of(bot))
        self._known[(platform, slug)] = receiver
        return receiver


versions = Prepared(
    lambda: Bot.objects.filter(Among("pk", "keys"), enabled=True).values_list("pk", "version")
)


def outdated(receivers: Iterable[Receiver]) -> set[tuple[int, int]]:
    """The (bot, version) pairs that no longer say what the database says."""
    pairs = {(r.bot_id, r.version) for r in receivers}
    return pairs - set(versions.rows(keys={bot for bot, _ in pairs}))
