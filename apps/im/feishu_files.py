"""Files of Feishu: what hangs on a message is fetched, what a skill made is uploaded and shown.

Pages "Obtain resource files in messages", "Upload image", "Upload file" and "Message content" of
open.feishu.cn: pictures up to 10 MB, files up to 30 MB, sound as Opus only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

import structlog

from apps.core.http import File
from apps.core.i18n import both
from apps.im import feishu_api, feishu_card, transfers
from apps.im.calls import Reply
from apps.im.errors import Permanent, UnknownOutcome
from apps.im.feishu_api import ContentRefused
from apps.im.shapes import Media, Outgoing, SendContext

IMAGES = "/open-apis/im/v1/images"
FILES = "/open-apis/im/v1/files"
MESSAGES = "/open-apis/im/v1/messages"
MAX_IMAGE = 10 * 1024 * 1024
#: The numbers of the card and of its texts are below.
FIRST_NUMBER = 100
_FILE_TYPES = {"pdf": "pdf", "doc": "doc", "docx": "doc", "xls": "xls", "xlsx": "xls",
               "ppt": "ppt", "pptx": "ppt", "mp4": "mp4"}  # fmt: skip
_NOT_SENT = both(
    "文件 {name} 飞书没有接收（{why}）；可以在网页聊天里打开。",
    "Feishu did not take the file {name} ({why}); it is in the web chat.",
)
#: By account and content: what was uploaded a moment ago and is sent again.
_uploaded: dict[tuple[str, str], dict[str, str]] = {}
_MOST = 128

Create = Callable[[int, dict[str, str]], Awaitable[str]]
log = structlog.get_logger(__name__)


async def fetch(ctx: SendContext, attachment: Mapping[str, Any], limit: int) -> Media:
    """The bytes of a received image, file or recording."""
    message = quote(str(attachment.get("message_id") or ""), safe="")
    key = quote(str(attachment.get("key") or ""), safe="")
    kind = "image" if attachment.get("type") == "image" else "file"
    url = f"{feishu_api.base(ctx)}{MESSAGES}/{message}/resources/{key}?type={kind}"
    reply = await feishu_api.with_token(
        ctx, lambda headers: transfers.download(ctx.door, url, limit, headers=headers), _whole
    )
    mime = reply.headers.get("content-type", "").partition(";")[0].strip()
    return Media(reply.body, str(attachment.get("name") or ""), mime)


def _whole(reply: Reply) -> Reply:
    """The answer when it is a file; an error is JSON, with a code that is not 0."""
    json_like = reply.headers.get("content-type", "").startswith("application/json")
    if reply.status == 200 and not (json_like and "code" in reply.json()):
        return reply
    feishu_api.opened(reply)
    raise Permanent("Feishu answered without the file")


async def send(ctx: SendContext, out: Outgoing, create: Create) -> None:
    """Show each file as a message of its own; what Feishu refuses is told instead."""
    for number, media in enumerate(out.files, start=FIRST_NUMBER):
        try:
            message = await _message(ctx, media)
            await create(number, message)
        except ContentRefused as error:
            log.warning("feishu.file_refused", code=error.vendor_code)
            why = error.params["why"]
            text = _NOT_SENT.in_(out.language).format(name=media.name, why=why)
            await create(number, feishu_card.text_message(text))


async def _message(ctx: SendContext, media: Media) -> dict[str, str]:
    """The message that shows a file, uploaded now or a moment ago."""
    held = (feishu_api.account(ctx), hashlib.sha256(media.data).hexdigest() + media.name)
    if held not in _uploaded:
        if len(_uploaded) >= _MOST:
            _uploaded.clear()
        _uploaded[held] = await _upload(ctx, media)
    return _uploaded[held]


async def _upload(ctx: SendContext, media: Media) -> dict[str, str]:
    part = File(media.name, media.data, media.mime or "application/octet-stream")
    if media.is_image and len(media.data) <= MAX_IMAGE:
        fields, files, path = {"image_type": "message"}, {"image": part}, IMAGES
        kind, name = "image", "image_key"
    else:
        opus = media.mime == "audio/ogg" and b"OpusHead" in media.data[:200]
        last = media.name.rpartition(".")[2].lower()
        file_type = "opus" if opus else _FILE_TYPES.get(last, "stream")
        fields, files, path = (
            {"file_type": file_type, "file_name": media.name},
            {"file": part},
            FILES,
        )
        if opus and media.duration_ms:
            fields["duration"] = str(media.duration_ms)
        kind, name = "audio" if opus else "file", "file_key"
    url = feishu_api.base(ctx) + path
    data = await feishu_api.with_token(
        ctx,
        lambda headers: transfers.upload(ctx.door, url, fields, files, headers=headers),
        feishu_api.opened,
    )
    found = data.get("data")
    key = found.get(name) if isinstance(found, dict) else None
    if not isinstance(key, str) or not key:
        raise UnknownOutcome(f"Feishu took a file and gave no {name}")
    return {"msg_type": kind, "content": json.dumps({name: key})}
