"""What every platform is: names, settings, abilities, and the way in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from apps.core.i18n import Text, both
from apps.im.errors import Permanent
from apps.im.shapes import (
    Abilities,
    Check,
    Heard,
    InboundRequest,
    Link,
    Media,
    Outgoing,
    Place,
    Received,
    SendContext,
    Sent,
    Setting,
    reject,
)

MAX_BODY = 1024 * 1024


class Platform:
    """One file in `apps/im/platforms` defines one subclass; it keeps no state of its own.

    `steps` are the vendor's steps to connect a bot, shown beside its webhook address.
    """

    name: ClassVar[str] = ""
    labels: ClassVar[Text]
    settings: ClassVar[tuple[Setting, ...]] = ()
    abilities: ClassVar[Abilities] = Abilities()
    steps: ClassVar[Text] = both("", "")
    #: Where `api_base` points when nobody changed it; "" for a platform without an API.
    api_base: ClassVar[str] = ""
    connections: ClassVar[tuple[str, ...]] = ("webhook",)
    #: A bot with a webhook keeps its stream, too: not everything that was pushed arrives.
    always_streams: ClassVar[bool] = False
    #: Where a stream's address, which the platform names, may lead; beside `api_base`'s own host.
    stream_hosts: ClassVar[tuple[str, ...]] = ()
    #: Where events and clicks are switched on in the vendor's console, for `bot check`.
    events_hint: ClassVar[Text] = both("", "")
    clicks_hint: ClassVar[Text] = both("", "")
    #: A private chat is written to by the id of the person in it, which its own id does not tell.
    chats_by_person: ClassVar[bool] = False
    #: Made by the first start and never added or removed by hand.
    built_in: ClassVar[bool] = False
    #: Which parts of a message's `extra` are needed for answering it (a thread, a reply address).
    context_keys: ClassVar[tuple[str, ...]] = ()

    def receive(self, config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
        """Judge one request: verify, then parse. Pure: no I/O, the clock (unix seconds) comes in.

        It judges by the configuration it is given and never raises for what a request holds.
        """
        if len(request.body) > MAX_BODY:
            return reject("too_large")
        return self.judge(config, request, now)

    def judge(self, config: Mapping[str, Any], request: InboundRequest, now: float) -> Received:
        """The platform's own part of `receive`, after the size was checked."""
        return reject("missing_signature")

    async def control(
        self, config: Mapping[str, Any], question: Mapping[str, Any], now: float
    ) -> dict[str, Any]:
        """The body that answers a `control` request. Quick: it may look, and waits for nothing."""
        return {}

    def can_enable(self, config: Mapping[str, Any]) -> list[Text]:
        """What stands against enabling this bot; empty when nothing does."""
        return []

    async def send(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Show a new message, under `out.key` wherever the platform takes a key.

        Raises `Permanent`, `Later` or `UnknownOutcome`.
        """
        raise NotImplementedError

    async def update(self, ctx: SendContext, out: Outgoing) -> Sent:
        """Change the message `out.platform_message_id` in place; errors as for `send`."""
        raise Permanent(f"{self.name} cannot edit messages")

    async def fetch(self, ctx: SendContext, attachment: Mapping[str, Any], limit: int) -> Media:
        """Bring an attachment of a received message, at most `limit` bytes.

        `attachment` is as `receive` gave it, with `message_id`, `chat_id`, `sender_id` and `extra`
        of its message.

        Raises `Permanent` (too large, gone, not allowed), `Later` or `UnknownOutcome`.
        """
        raise Permanent(f"{self.name} cannot fetch files")

    async def sign(self, ctx: SendContext, place: Place) -> None:
        """Show that somebody is at work on this message; best effort, errors as for `send`."""

    async def acknowledge(self, ctx: SendContext, place: Place) -> None:
        """Tell the platform that a click arrived, where it waits for that; errors as for `send`."""

    async def place_kind(self, ctx: SendContext, chat_id: str) -> str:
        """Is this chat `private` or a `group`? For platforms whose messages do not say it.

        Asked once for each chat, before its first message is handled; errors as for `send`.
        """
        return "group"

    async def on_event(self, ctx: SendContext, place: Place, *, known: bool) -> Heard:
        """Act on a message of kind `event`; `known` says whether its sender is one of us.

        Done again when it failed or was interrupted; errors as for `send`. Who left the company
        stands in `extra["left"]` on every platform that says so.
        """
        return Heard(left=tuple(str(one) for one in place.extra.get("left") or ()))

    async def stream(self, ctx: SendContext, link: Link) -> None:
        """Keep one outgoing connection and hand what it brings to `link`.

        Returns when the connection is over and is to be made anew; raises `DeliveryError`
        when it cannot be made (`BotBroken` when it never will be with these settings).
        """
        raise Permanent(f"{self.name} has no stream")

    async def check(self, ctx: SendContext) -> list[Check]:
        """Call the platform and name exactly what is missing. Raises nothing of the platform's."""
        return []

    async def learn(self, ctx: SendContext) -> dict[str, str]:
        """Ask the platform for the settings marked `learned`. Raises `DeliveryError`."""
        return {}

    @property
    def idempotency_s(self) -> float:
        """Seconds for which the platform recognises a repeated key; 0 = never."""
        return self.abilities.idempotency

    def all_settings(self) -> tuple[Setting, ...]:
        """The declared settings, with `api_base` first, which every platform has."""
        return (
            Setting(
                "api_base",
                both("接口地址", "API address"),
                default=self.api_base,
                kind="url",
                help=both("不填就用厂商的地址。", "The vendor's address when left empty."),
            ),
            *self.settings,
        )
