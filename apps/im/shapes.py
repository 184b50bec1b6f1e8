"""What passes between the entrances, the platforms and the outbox: plain frozen values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from apps.core.i18n import Text
from apps.im import cards
from apps.im.cards import Card

if TYPE_CHECKING:
    from apps.core.http import Door
    from apps.im.tokens import TokenCache

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
    (a click on a card). Attachments are dicts of type, key, url, name, mime, duration_ms, size.
    """

    platform: str
    kind: str
    sender_id: str
    chat_id: str
    chat_type: str | None
    text: str
    message_id: str
    dedupe_key: str
    second_key: str | None = None
    mentions_bot: bool | None = False
    attachments: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    sender_name: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """The verdict on one request; `messages` are to be stored only when it is `accept`.

    `response` is the JSON body that the platform expects back, None for an empty object.
    """

    verdict: Verdict
    http_status: int
    reason: str | None = None
    response: dict[str, Any] | None = None
    messages: tuple[Inbound, ...] = ()


def accept(
    *messages: Inbound, response: dict[str, Any] | None = None, http_status: int = 200
) -> Received:
    """The messages are genuine and are to be stored."""
    return Received("accept", http_status, None, response, messages)


def ignore(reason: str) -> Received:
    """Genuine, but nothing for us; answered 200 so that the platform does not repeat it."""
    return Received("ignore", 200, reason)


def challenge(response: dict[str, Any]) -> Received:
    """The platform checks the address; answer with its own words."""
    return Received("challenge", 200, None, response)


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
    """What a platform can do. Rates are per second, 0 = no limit that we know of."""

    edits: bool = False
    buttons: bool = False
    #: Seconds for which the platform recognises a repeated key; 0 = it never does.
    idempotency: float = 0
    chat_rate: float = 0
    edit_rate: float = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One visible message on its way out, or its newer revision.

    `repeat` means that an earlier attempt may have been shown and that the platform can no longer
    tell: the text then says that it may be a repeat.
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
    language: str = "zh-hans"

    def shown(self) -> Card:
        """The card to draw: never empty, and marked when it may be a repeat."""
        return cards.shown(self.card, self.text, repeat=self.repeat, language=self.language)


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform took it, and this is what it calls the message ("" when it gives no name)."""

    platform_message_id: str = ""


Push = Callable[[str, Outgoing], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class SendContext:
    """What a platform needs for going out: its settings with secrets, and the one door.

    `push(chat_id, outgoing)` shows a message at once in open browsers; None when nobody listens.
    """

    config: Mapping[str, Any]
    bot_id: int
    door: Door
    tokens: TokenCache
    push: Push | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of `Platform.check`: what was looked at, whether it is right, and the mend."""

    name: str
    ok: bool
    text: Text
