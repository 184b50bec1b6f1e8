"""Brings the pictures and files that people send to an AI bot.

Source: paths 100719 and 101463: the address lives for 5 minutes, what lies there is AES-256-CBC,
padded to 32, the IV is the first half of the key. The key is the EncodingAESKey, or comes with
the attachment (`aeskey`) when that arrived through a socket.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from apps.core.http import HttpError, Refused, Response, TooLarge, Unreachable
from apps.im import wecom_crypto
from apps.im.aibot_events import trusted
from apps.im.ciphers import WIDE_BLOCK, BadCiphertext, cbc_decrypt, unbase64
from apps.im.errors import Later, Permanent
from apps.im.shapes import Media, SendContext
from apps.im.wecom_crypto import BadKey

#: Where WeCom keeps media: its own bucket (ww-aibot-img-1258476243.cos.<region>.myqcloud.com).
HOSTS = ("*.myqcloud.com", "*.qpic.cn", "*.work.weixin.qq.com")
TIMEOUT_S = 20.0
_NAME = re.compile(r"filename\*\s*=\s*utf-8''([^;]+)|filename\s*=\s*\"?([^\";]+)", re.IGNORECASE)
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
)


async def fetch(ctx: SendContext, attachment: Mapping[str, Any], limit: int) -> Media:
    """The attachment in clear. Raises `Permanent` (gone, too large, not ours) and `Later`."""
    url = str(attachment.get("url") or "")
    key = _key(ctx.config, attachment)
    response = await _download(ctx, url, limit + WIDE_BLOCK)
    data = response.body
    if attachment.get("encrypted"):
        try:
            data = cbc_decrypt(key, key[:16], data, block=WIDE_BLOCK)
        except BadCiphertext as error:
            raise Permanent("the file cannot be decrypted with this key") from error
    if len(data) > limit:
        raise Permanent("the file is too large")
    name = str(attachment.get("name") or "") or _named(response)
    return Media(data, name, _mime(data, name))


async def _download(ctx: SendContext, url: str, most: int) -> Response:
    configured = trusted(ctx.config, url, *HOSTS)
    if configured is None:
        raise Permanent("the file's address leads elsewhere")
    try:
        response = await ctx.door.get(
            url, configured=configured, allow=HOSTS, timeout=TIMEOUT_S, max_bytes=most
        )
    except TooLarge as error:
        raise Permanent("the file is too large") from error
    except Refused as error:
        raise Permanent(str(error)) from error
    except (Unreachable, HttpError) as error:
        raise Later(str(error)) from error
    if response.status == 429 or response.status >= 500:
        raise Later(f"HTTP {response.status}")
    if not response.ok:
        # 403 from object storage: the address is older than 5 minutes.
        raise Permanent(f"the file is no longer there (HTTP {response.status})")
    return response


def _key(config: Mapping[str, Any], attachment: Mapping[str, Any]) -> bytes:
    own = str(attachment.get("aeskey") or "")
    try:
        if own:
            key = unbase64(own + "=" * (-len(own) % 4))
            if len(key) != 32:
                raise BadKey("not 32 bytes")
            return key
        return wecom_crypto.aes_key(str(config.get("encoding_aes_key") or ""))
    except (BadKey, BadCiphertext) as error:
        raise Permanent(f"no key for the file: {error}") from error


def _named(response: Response) -> str:
    """The bare name in the answer's header, "" when it has none."""
    found = _NAME.search(response.headers.get("content-disposition", ""))
    if found is None:
        return ""
    name = unquote(found[1]) if found[1] else unquote(found[2])
    return re.split(r"[\\/]", name.strip())[-1][:200]


def _mime(data: bytes, name: str) -> str:
    """By what the file begins with, else by its name; what the server says is always the same."""
    for magic, mime in _MAGIC:
        if data.startswith(magic):
            return mime
    return mimetypes.guess_type(name)[0] or ""
