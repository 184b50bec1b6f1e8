"""What an adapter's test says about its platform, and what the tests of every level share."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from apps.core.http import Door
from apps.core.i18n import Text
from apps.im import cards
from apps.im.base import (
    Inbound,
    InboundRequest,
    Outgoing,
    Platform,
    Received,
    SendContext,
    get_platform,
)
from apps.im.cards import Card
from apps.im.shapes import Facts
from apps.im.tokens import TokenCache
from apps.simulate.desk import Desk, Push, Seen

#: What a platform's API may not allow, and the ability that then has to be declared as missing.
RULES = {
    "groups": "",
    "mentions": "",  # groups in which the bot has to be addressed
    "private": "private",  # telling one person alone something in a group
    "buttons": "buttons",
    "forms": "forms",
    "edits": "edits",
    "voice": "",
    "fetches": "fetches",
    "files": "files",
    "idempotency": "idempotency",
    "retry_after": "",  # a refusal that says how long to wait
    "tokens": "",  # access tokens that expire
    "check": "",  # an API that tells a wrong secret
}


class Quality:
    """One platform on the scale. Subclasses fill in what is declared here."""

    #: The class of its stand; the platform's name is the stand's.
    stand: ClassVar[type[Desk]]
    #: The folder of its golden cases under tests/golden/im, "" for none; which of them are its own.
    golden: ClassVar[str] = ""
    modes: ClassVar[tuple[str, ...]] = ("webhook",)
    #: Does the platform sign the body? Where it only sends a secret along, nothing can.
    signs_body: ClassVar[bool] = True
    #: Headers and parameters of the query in which no character can be changed unnoticed.
    signed_names: ClassVar[tuple[str, ...]] = ()
    #: Changes of the settings that `check` has to find, and the name of what it then calls wrong.
    wrong_settings: ClassVar[tuple[tuple[dict[str, Any], str], ...]] = ()
    #: What the platform's API does not allow: a key of `RULES`, and why, as the README shows it.
    not_possible: ClassVar[dict[str, Text]] = {}

    #: What its API allows only in part: a key of `RULES`, and how far.
    limited: ClassVar[dict[str, Text]] = {}
    #: Has every click a name of its own, by which two of the same moment are told apart?
    names_clicks: ClassVar[bool] = True
    #: What people can send: the kind that it becomes, and the file's name.
    sent_file: ClassVar[tuple[str, str]] = ("file", "报告.csv")
    #: Can people type into a form, or only choose?
    typed_inputs: ClassVar[bool] = True

    def plains(self, desk: Desk) -> list[bytes]:
        """Genuine events as they are before the vendor encrypts and signs them."""
        raise NotImplementedError

    def signed(self, desk: Desk, plain: bytes) -> Push:
        """The push that the vendor would make of such bytes, whatever they are."""
        raise NotImplementedError

    # ---- what the tests use ----

    @property
    def adapter(self) -> Platform:
        """The adapter that is tried."""
        return get_platform(self.stand.platform)

    @pytest.fixture
    def desk(self) -> Iterator[Desk]:
        """The stand, listening."""
        with self.stand() as found:
            yield found

    def needs(self, rule: str) -> None:
        """Skip a test of what this platform does not allow."""
        assert rule in RULES
        if rule in self.not_possible:
            pytest.skip(self.not_possible[rule].en)

    def request(self, push: Push) -> InboundRequest:
        """The push as it reaches the adapter."""
        path = f"/webhooks/{self.stand.platform}/sim/{push.path}"
        return InboundRequest(push.method, path, push.query, push.headers, push.body)

    def receive(self, desk: Desk, push: Push, *, later_s: float = 0.0) -> Received:
        """What the adapter makes of a push that arrives now, or so many seconds later."""
        now = time.time() + later_s
        return self.adapter.receive(desk.config(), self.request(push), now)

    def only(self, desk: Desk, push: Push) -> Inbound:
        """The one message in a push."""
        received = self.receive(desk, push)
        assert received.verdict == "accept", received
        (message,) = received.messages
        return message

    def context(self, desk: Desk, **config: Any) -> SendContext:
        """What sending needs; each has a cache of tokens of its own."""
        address, now = f"https://bot.example.com/webhooks/{self.stand.platform}/sim/", time.time()
        facts = Facts(event_at=now, click_at=now, challenge_at=now - 60, address=address)
        return SendContext(desk.config(**config), 1, Door(), TokenCache(), facts=facts)

    def answer(self, message: Inbound, card: Card | str, **changes: Any) -> Outgoing:
        """An answer to a message, as the pipeline makes it."""
        wanted = self.adapter.context_keys
        known = {name: value for name, value in message.extra.items() if value is not None}
        fields: dict[str, Any] = {
            "key": str(uuid.uuid4()),
            "role": "answer",
            "chat_id": message.chat_id or "",
            "chat_type": message.chat_type or "group",
            "reply_to": message.message_id or "",
            "in_reply_to": message.message_id or "",
            "card": cards.answer(card) if isinstance(card, str) else card,
            "language": "en",
            "context": {name: known[name] for name in wanted if name in known},
        }
        return Outgoing(**fields | changes)

    def asked(self, desk: Desk, text: str = "/ping", **more: Any) -> Inbound:
        """What alice asks, as the adapter read it."""
        return self.only(desk, desk.say(text, "alice", **more))

    def with_words(self, desk: Desk, words: str) -> list[Seen]:
        """The messages that people see in which these words occur."""
        return [seen for seen in desk.visible() if words in seen.text]
