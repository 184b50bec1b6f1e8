"""Files of one's own system: in the body, beside reply_url, and as links out."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from apps.core.http import Door
from apps.im import cards
from apps.im.base import (
    FileLink,
    InboundRequest,
    Outgoing,
    Permanent,
    Received,
    SendContext,
    get_platform,
)
from apps.im.tokens import TokenCache
from apps.simulate import webhook as stand_side
from apps.simulate.webhook import WebhookStand

WEBHOOK = get_platform("webhook")


def judged(stand: WebhookStand, **body: Any) -> Received:
    raw, headers = stand_side.signed(stand_side.message(body.pop("text", ""), **body))
    request = InboundRequest("POST", "/", {}, headers, raw)
    return WEBHOOK.receive(stand.config(), request, time.time())


def small(kind: str = "file", **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": "a.txt", "data": base64.b64encode(b"hello").decode()} | more


async def fetched(stand: WebhookStand, attachment: dict[str, Any], limit: int = 10**7) -> bytes:
    ctx = SendContext(stand.config(), 1, Door(), TokenCache())
    return (await WEBHOOK.fetch(ctx, attachment, limit)).data


@pytest.mark.parametrize(
    ("text", "kinds", "kind"),
    [("", ["file"], "file"), ("look", ["file"], "text"), ("", ["image", "file"], "image"),
     ("", ["voice"], "voice"), ("what I said", ["voice"], "voice")],
)  # fmt: skip
async def test_what_comes_in_the_body(
    webhook_stand: WebhookStand, text: str, kinds: list[str], kind: str
) -> None:
    found = judged(webhook_stand, text=text, attachments=[small(one) for one in kinds])
    (message,) = found.messages
    assert (message.kind, message.text) == (kind, text)
    assert await fetched(webhook_stand, message.attachments[0]) == b"hello"


async def test_a_large_file_lies_at_an_address(webhook_stand: WebhookStand) -> None:
    push = webhook_stand.send_file(b"x" * 300_000, "big.bin")
    request = InboundRequest("POST", "/", {}, push.headers, push.body)
    (message,) = WEBHOOK.receive(webhook_stand.config(), request, time.time()).messages
    assert await fetched(webhook_stand, message.attachments[0]) == b"x" * 300_000
    with pytest.raises(Permanent):
        await fetched(webhook_stand, message.attachments[0], 1000)
    webhook_stand.lent.clear()
    with pytest.raises(Permanent, match="404"):
        await fetched(webhook_stand, message.attachments[0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "file", "url": "http://169.254.169.254/latest/"},
        {"type": "file", "url": "https://evil.example/a"},
        {"type": "file"},
        {"type": "program", "data": ""},
        {"type": "file", "data": "no base64!"},
        {"type": "file", "data": "QUFB" * 200_000},
        "a string",
    ],
)
def test_other_addresses_and_odd_ones_are_malformed(
    webhook_stand: WebhookStand, wrong: object
) -> None:
    assert judged(webhook_stand, text="x", attachments=[wrong]).reason == "malformed"


def test_no_more_than_five(webhook_stand: WebhookStand) -> None:
    assert judged(webhook_stand, attachments=[small()] * 6).reason == "malformed"
    assert judged(webhook_stand, attachments=[]).verdict == "accept"


async def test_an_address_that_no_longer_fits_is_not_asked(webhook_stand: WebhookStand) -> None:
    with pytest.raises(Permanent):
        await fetched(webhook_stand, {"type": "file", "url": "http://127.0.0.1:1/a"})


async def test_files_go_out_as_links(webhook_stand: WebhookStand) -> None:
    link = FileLink("a.csv", "text/csv", 3, "http://127.0.0.1:8000/chat/files/x")
    out = Outgoing("k1", "answer", "c1", "private", cards.answer("here"), links=(link,))
    ctx = SendContext(webhook_stand.config(), 1, Door(), TokenCache())
    await WEBHOOK.send(ctx, out)
    (body,) = webhook_stand.received
    assert body["files"] == [{"name": "a.csv", "mime": "text/csv", "size": 3, "url": link.url}]
    assert not webhook_stand.problems
