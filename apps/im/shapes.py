"""What passes between the entrances, the platforms and the outbox: plain frozen values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from apps.core.i18n import Text
from apps.im import cards
from apps.im.cards import Card

if TYPE_CHECKING:
    from apps.core.http import Door
    from apps.im.tokens import TokenCache

#: So many calls in so many seconds.
Rate = tuple[int, float]
Verdict = Literal["accept", "duplicate", "ignore", "challenge", "control", "reject"]

_STATUS = {"bad_ciphertext": 400, "malformed": 400, "forbidden_dtd": 400, "too_large": 413}


@dataclass(frozen=True, slots=True)
class InboundRequest:
    """One HTTP request as it came; `headers` are kept under lower-case names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def __post_init__(self) -> None:
        lower = {name.lower(): value for name, value in self.headers.items()}
        object.__setattr__(self, "headers", lower)

    def header(self, name: str) -> str:
        """The header's value whatever the case of its name, "" when it is absent."""
        return self.headers.get(name.lower(), "")


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message from somebody, in the same words for every platform.

    `dedupe_key` is the event's id, `second_key` the platform's own message id or None; neither is
    made from content. `chat_type` and `mentions_bot` are None where the platform does not say
    (a click on a card; `Platform.place_kind` is asked for messages), `chat_id` and `message_id`
    where there is none (a form in a window of its own, a command that nobody sees). One of kind
    `event` is no message: `Platform.on_event` gets it, and nobody an answer. Attachments are dicts
    of type, key, url, name, mime, duration_ms, size.
    """

    platform: str
    kind: str
    sender_id: str
    chat_id: str | None
    chat_type: str | None
    text: str
    message_id: str | None
    dedupe_key: str
    second_key: str | None = None
    mentions_bot: bool | None = False
    attachments: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    sender_name: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """The verdict on one request; `messages` are to be stored only when it is `accept`.

    `response` is the JSON body that the platform expects back, None for an empty object; `body`
    is the exact text to answer with instead, where the platform wants no JSON ("" for nothing).
    `question` is what a `control` request asks for; `Platform.control` answers it.
    """

    verdict: Verdict
    http_status: int
    reason: str | None = None
    response: dict[str, Any] | None = None
    messages: tuple[Inbound, ...] = ()
    body: str | None = None
    question: Mapping[str, Any] = field(default_factory=dict)


def accept(
    *messages: Inbound,
    response: dict[str, Any] | None = None,
    http_status: int = 200,
    body: str | None = None,
) -> Received:
    """The messages are genuine and are to be stored."""
    return Received("accept", http_status, None, response, messages, body)


def ignore(
    reason: str, *, response: dict[str, Any] | None = None, body: str | None = None
) -> Received:
    """Genuine, but nothing for us; answered 200 so that the platform does not repeat it."""
    return Received("ignore", 200, reason, response, body=body)


def challenge(response: dict[str, Any], *, body: str | None = None) -> Received:
    """The platform checks the address; answer with its own words."""
    return Received("challenge", 200, None, response, body=body)


def control(question: Mapping[str, Any]) -> Received:
    """Genuine, and to be answered from what is known now (a poll for a running answer)."""
    return Received("control", 200, question=question)


def reject(reason: str) -> Received:
    """Refuse: 400 for what is malformed, 413 for what is too large, 403 for what is not genuine."""
    return Received("reject", _STATUS.get(reason, 403), reason)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a bot; the admin form, the command and their checks follow from it."""

    name: str
    label: Text
    secret: bool = False
    required: bool = False
    default: str | int = ""
    kind: Literal["text", "int", "url"] = "text"
    help: Text | None = None
    #: Filled in by asking the platform when it is left empty.
    learned: bool = False
    #: The range of an `int`.
    low: int = 1
    high: int = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a platform can do. Rates are (calls, in so many seconds), the tightest first."""

    edits: bool = False
    buttons: bool = False
    #: Cards can hold inputs; elsewhere a missing parameter is asked for in words.
    forms: bool = False
    #: `sign` shows that somebody is at work (typing, a reaction).
    signs: bool = False
    #: `fetch` brings what people send; `Outgoing.files` are shown as files of the platform's own.
    fetches: bool = False
    files: bool = False
    #: Longest file that can be sent, in bytes; what is longer becomes a link to the web chat.
    max_file: int = 20 * 1024 * 1024
    #: In a group one person alone can be told something (or is written to privately).
    private: bool = True
    #: Only sends: nothing is ever received.
    receives: bool = True
    #: Seconds for which the platform recognises a repeated key; 0 = it never does.
    idempotency: float = 0
    #: Limits of messages to one chat, of edits of one message, and of all calls of one bot.
    chat_rates: tuple[Rate, ...] = ()
    edit_rates: tuple[Rate, ...] = ()
    bot_rates: tuple[Rate, ...] = ()


@dataclass(frozen=True, slots=True)
class Media:
    """A whole file, in or out. `name` is a bare file name, never a path; `mime` may be ""."""

    data: bytes
    name: str = ""
    mime: str = ""
    #: Of sound, where it is known.
    duration_ms: int = 0

    @property
    def is_image(self) -> bool:
        """Is it one of the pictures that every platform shows?"""
        return self.mime in {"image/png", "image/jpeg", "image/gif"}


@dataclass(frozen=True, slots=True)
class FileLink:
    """A file that the platform does not send itself: its asker opens `url` in the web chat."""

    name: str
    mime: str
    size: int
    url: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One visible message on its way out, or its newer revision.

    `context` is what the platform needs for answering there: of the message that is answered, what
    `Platform.context_keys` names of its `extra`, then what `Sent.context` gave for this message and
    what later clicks on it brought. `mention` is the external id of the person whom a new message
    in a group should alert, "" for nobody. Buttons carry their signed `token`. `files` go out
    after the card, as the platform's own file or image messages.

    `repeat` means that an earlier attempt may have been shown and that the platform can no longer
    tell: the text then says that it may be a repeat. `again` says that nobody knows what became of
    an earlier attempt, even where the platform can tell; what is known to be shown stands in
    `context` (`DeliveryError.done`). `since` is when the message was made (unix seconds).
    """

    key: str
    role: str
    chat_id: str
    chat_type: str
    card: Card
    text: str = ""
    private_to: str = ""
    reply_to: str = ""
    in_reply_to: str = ""
    platform_message_id: str = ""
    revision: int = 0
    repeat: bool = False
    again: bool = False
    since: float = 0
    language: str = "zh-hans"
    context: Mapping[str, Any] = field(default_factory=dict)
    mention: str = ""
    mention_name: str = ""
    files: tuple[Media, ...] = ()
    #: Of the files that are not in `files`; the card names them already.
    links: tuple[FileLink, ...] = ()

    def shown(self) -> Card:
        """The card to draw: never empty, and marked when it may be a repeat."""
        return cards.shown(self.card, self.text, repeat=self.repeat, language=self.language)


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform took it, and this is what it calls the message ("" when it gives no name).

    `context` is kept and comes back in `Outgoing.context` of later edits. Its `channel`, when there
    is one, is the chat where the message came to be shown instead of the one that was asked for.
    """

    platform_message_id: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message came from, for a sign of life or for thanking for a click."""

    chat_id: str
    chat_type: str
    message_id: str
    sender_id: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of an event that is no message (`Platform.on_event`).

    `chat_type` is what its chat is known to be from now on, "" for unknown, None for no change.
    `say` is to be told there; `messages` were said there and no event will bring them. `left` are
    the external ids of people who are no longer in the company.
    """

    chat_type: str | None = None
    say: Text | None = None
    messages: tuple[Inbound, ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What this installation has seen of a bot: unix seconds, 0 = never; for `Platform.check`."""

    event_at: float = 0
    click_at: float = 0
    challenge_at: float = 0
    #: The last refused request, and why.
    refused_at: float = 0
    refused_reason: str = ""
    #: The last card with buttons that was sent.
    buttons_at: float = 0
    #: Where the vendor is to send events; "" for a stream.
    address: str = ""


class Socket(Protocol):
    """An open WebSocket; its errors are those of `apps.core.http`."""

    async def send(self, data: str | bytes) -> None:
        """Send one frame."""
        ...

    async def recv(self) -> str | bytes:
        """The next frame. Raises `TimeoutError` when the connection was silent for too long."""
        ...


class Link(Protocol):
    """What `Platform.stream` is given: a socket to open, and an inbox to hand events to."""

    async def store(self, received: Received) -> bool:
        """Store what was accepted; True once it is committed, False for what is no `accept`.

        Raises `Later` when the store is away: the event must then not be acknowledged.
        """
        ...

    def socket(
        self, url: str, *, headers: Mapping[str, str] | None = None, silence_s: float = 90.0
    ) -> AbstractAsyncContextManager[Socket]:
        """`async with link.socket(url) as ws:` through the door.

        `silence_s` is how long a live connection may say nothing at all before it is given up.
        """
        ...

    def replace(self) -> None:
        """The platform will end this connection soon: begin the next one beside it.

        Go on reading this one until it ends; what comes twice is stored once.
        """
        ...

    def hold(self, key: str, value: str) -> None:
        """Keep a small value for the next connection of this process (an offset, a cursor)."""
        ...

    def held(self, key: str) -> str:
        """What `hold` kept, "" when nothing was."""
        ...


Push = Callable[[str, Outgoing], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class SendContext:
    """What a platform needs for going out: its settings with secrets, and the one door.

    `push(chat_id, outgoing)` shows a message at once in open browsers; None when nobody listens.
    """

    config: Mapping[str, Any] = field(repr=False)
    bot_id: int
    door: Door
    tokens: TokenCache
    push: Push | None = None
    facts: Facts = Facts()


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of `Platform.check`: what was looked at, whether it is right, and the mend.

    One that is not `sure` names what is probably missing (nothing came yet); it fails no check.
    """

    name: str
    ok: bool
    text: Text
    sure: bool = True

    @property
    def failed(self) -> bool:
        """Is something certainly wrong?"""
        return self.sure and not self.ok
