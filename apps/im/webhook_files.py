"""Files of one's own system: in the body as base64, or at an address beside `reply_url`.

"attachments": [{"type": "file", "name": "a.csv", "mime": "text/csv", "data": "<base64>"},
                {"type": "voice", "url": "https://<host of reply_url>/…", "duration_ms": 2100}]
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from apps.core import clock
from apps.im import standard_webhooks, transfers
from apps.im.errors import Later, Permanent
from apps.im.payload import Malformed, list_at, optional_text, text_at
from apps.im.shapes import FileLink, Media, SendContext

TYPES = frozenset({"file", "image", "voice"})
MOST = 5
MAX_DATA = 512 * 1024
_LONGEST = {"name": 200, "mime": 100, "url": 2000}


def read(data: Mapping[str, Any], reply_url: str) -> list[dict[str, Any]]:
    """The attachments of a body. Raises `Malformed`."""
    every = list_at(data, "attachments")
    if len(every) > MOST:
        raise Malformed(f"more than {MOST} attachments")
    return [_attachment(one, reply_url) for one in every]


def kind_of(text: str, attachments: list[dict[str, Any]]) -> str:
    """A recording is `voice` also with its words; files without words are of their own kind."""
    if any(one["type"] == "voice" for one in attachments):
        return "voice"
    return str(attachments[0]["type"]) if attachments and not text else "text"


def _attachment(one: Any, reply_url: str) -> dict[str, Any]:
    if not isinstance(one, dict) or text_at(one, "type") not in TYPES:
        raise Malformed("an attachment is no object of a known type")
    found: dict[str, Any] = {"type": one["type"]}
    for name, longest in _LONGEST.items():
        value = optional_text(one, name)
        if len(value) > longest:
            raise Malformed(f"{name} of an attachment is too long")
        found |= {name: value} if value else {}
    duration = one.get("duration_ms")
    if type(duration) is int and 0 <= duration < 2**31:
        found["duration_ms"] = duration
    if ("url" in found) == (one.get("data") is not None):
        raise Malformed("an attachment has either url or data")
    if "url" in found:
        if _origin(found["url"]) != _origin(reply_url):
            raise Malformed("an attachment's url is not where reply_url is")
        return found
    encoded = text_at(one, "data")
    return found | {"data": encoded, "size": len(_decoded(encoded))}


def _decoded(encoded: str) -> bytes:
    if len(encoded) > MAX_DATA * 4 // 3 + 4:
        raise Malformed("data of an attachment is too long")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("data of an attachment is no base64") from error


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port
    except ValueError as error:
        raise Malformed("url of an attachment is no address") from error


async def fetch(ctx: SendContext, attachment: Mapping[str, Any], limit: int) -> Media:
    """The bytes; an address is asked with a signature over nothing, like any other request."""
    name, mime = str(attachment.get("name") or ""), str(attachment.get("mime") or "")
    if attachment.get("data") is not None:
        whole = _decoded(str(attachment["data"]))
        if len(whole) > limit:
            raise Permanent(f"larger than {limit} bytes")
        return Media(whole, name, mime)
    url = str(attachment["url"])
    if _origin(url) != _origin(str(ctx.config.get("reply_url") or "")):
        raise Permanent("the address is not where reply_url is")  # it was when it came
    reply = await transfers.download(ctx.door, url, limit, headers=_signed(ctx, url))
    if reply.status == 429 or reply.status >= 500:
        raise Later(f"HTTP {reply.status}", delay_s=reply.seconds("retry-after"))
    if not 200 <= reply.status < 300:
        raise Permanent(f"HTTP {reply.status}")
    claimed = reply.headers.get("content-type", "").partition(";")[0].strip()
    return Media(reply.body, name, mime or claimed)


def _signed(ctx: SendContext, url: str) -> dict[str, str]:
    stamp = str(int(clock.timestamp()))
    try:
        key = standard_webhooks.key_of(str(ctx.config.get("secret") or ""))
    except standard_webhooks.BadSecret as error:
        raise Permanent(f"the secret is no key: {error}") from error
    event_id = urlsplit(url).path[:200]
    signature = standard_webhooks.sign(key, event_id, stamp, b"")
    return {"webhook-id": event_id, "webhook-timestamp": stamp, "webhook-signature": signature}


def shown(links: tuple[FileLink, ...]) -> dict[str, Any]:
    """What a body says of the files of an answer; nothing when there are none."""
    if not links:
        return {}
    return {
        "files": [
            {"name": one.name, "mime": one.mime, "size": one.size, "url": one.url} for one in links
        ]
    }
