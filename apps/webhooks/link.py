"""What a platform's outgoing connection is given: sockets through the door, and the inbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

import structlog

from apps.assistant import inbox, wake
from apps.assistant.lanes import lane_for
from apps.core import sockets
from apps.im.base import Later, Received
from apps.webhooks.bots import Receiver
from apps.webhooks.group import GroupCommit
from apps.webhooks.ingress import STORE_DOWN, Judged, Outdated

log = structlog.get_logger(__name__)
#: One for all connections of a process: what arrives together shares a commit.
Group = GroupCommit[Judged, list[inbox.Stored] | Outdated]


class SettingsChanged(Exception):
    """The bot is no longer as it was when this connection was made."""


class StreamLink:
    """The `Link` of one bot; `replace_it` is called when a successor is wanted."""

    def __init__(
        self,
        receiver: Receiver,
        group: Group,
        waker: wake.Waker,
        kept: dict[str, str],
        replace_it: Callable[[], None],
    ) -> None:
        self._receiver = receiver
        self._group = group
        self._waker = waker
        self._kept = kept
        self._replace_it = replace_it
        self._replaced = False

    async def store(self, received: Received) -> bool:
        """Commit what was accepted, then wake who handles it.

        Raises `Later` when it could not be stored, `SettingsChanged` when the bot was changed.
        """
        if received.verdict != "accept":
            return False
        try:
            stored = await self._group.submit(Judged(self._receiver, tuple(received.messages)))
        except (*STORE_DOWN, TimeoutError) as error:
            log.error("stream.store_down", error=type(error).__name__)
            raise Later("the store is away") from error
        if isinstance(stored, Outdated):
            raise SettingsChanged
        for lane in {lane_for(message.text, message.kind) for message in received.messages}:
            self._waker.wake(lane)
        return True

    def socket(
        self, url: str, *, headers: Mapping[str, str] | None = None, silence_s: float = 90.0
    ) -> AbstractAsyncContextManager[sockets.Socket]:
        """Open a WebSocket: to the host of `api_base`, or to one of the platform's stream hosts."""
        base = str(self._receiver.config.get("api_base") or "")
        return sockets.opened(
            url,
            configured=[urlsplit(base).hostname or ""],
            allow=self._receiver.adapter.stream_hosts,
            headers=headers,
            silence_s=silence_s,
        )

    def replace(self) -> None:
        """Ask for a successor: one, however often the platform says that the end is near."""
        if not self._replaced:
            self._replaced = True
            self._replace_it()

    def hold(self, key: str, value: str) -> None:
        """Keep a value for the next connection."""
        self._kept[key] = value

    def held(self, key: str) -> str:
        """What was kept."""
        return self._kept.get(key, "")
