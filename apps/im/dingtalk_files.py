"""Files in both directions: what people send is fetched by its code, what we send is uploaded.

Sources: open.dingtalk.com, "下载机器人接收消息的文件内容", "上传媒体文件" and "消息发送与接收类型".
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from apps.core.http import File, HttpError, Refused, TooLarge, Unreachable
from apps.im import dingtalk_api
from apps.im.dingtalk_hosts import FILE_HOSTS, trust
from apps.im.errors import Later, Permanent, UnknownOutcome
from apps.im.shapes import Media, SendContext

DOWNLOAD = "/v1.0/robot/messageFiles/download"
FETCH_S = 12.0
#: What a file message shows; anything else goes inside a zip.
SHOWN = frozenset({"xlsx", "pdf", "zip", "rar", "doc", "docx"})
#: What a voice message plays.
_VOICES = frozenset({"audio/ogg", "audio/opus", "audio/amr"})
_MAX_VOICE = 2 * 1024 * 1024


async def fetch(ctx: SendContext, attachment: Mapping[str, Any], limit: int) -> Media:
    """Bring what somebody sent. Raises as `Platform.fetch`."""
    body = {
        "downloadCode": str(attachment.get("key") or ""),
        "robotCode": dingtalk_api.robot_code(ctx),
    }
    answer = await dingtalk_api.request(ctx, "POST", DOWNLOAD, body, repeatable=True)
    url = answer.get("downloadUrl")
    if not isinstance(url, str) or not url:
        raise Permanent("DingTalk names no address for this file")
    data, mime = await _download(ctx, url, limit)
    return Media(data, str(attachment.get("name") or ""), mime, _duration(attachment))


async def _download(ctx: SendContext, url: str, limit: int) -> tuple[bytes, str]:
    """The bytes behind an address that DingTalk named; its storage speaks https too."""
    configured = trust(ctx.config, url, FILE_HOSTS) == "configured"
    if not configured and url.startswith("http://"):
        url = "https://" + url.removeprefix("http://")
    try:
        response = await ctx.door.get(
            url,
            configured=configured,
            allow=FILE_HOSTS,
            timeout=FETCH_S,
            max_bytes=limit,
        )
    except TooLarge as error:
        raise Permanent(f"the file has more than {limit} bytes") from error
    except Refused as error:
        raise Permanent(str(error)) from error
    except Unreachable as error:
        raise Later(str(error)) from error
    except HttpError as error:
        raise UnknownOutcome(str(error)) from error
    if response.status == 429 or response.status >= 500:
        raise Later(f"HTTP {response.status}")
    if not response.ok:
        raise Permanent(f"HTTP {response.status}")
    return response.body, response.headers.get("content-type", "").partition(";")[0].strip()


async def message(ctx: SendContext, media: Media) -> tuple[str, dict[str, Any]]:
    """Upload a file; returns the kind and the parameters of the message that shows it."""
    if media.is_image:
        media_id = await _upload(ctx, "image", media)
        return "sampleImageMsg", {"photoURL": media_id}
    if media.mime in _VOICES and media.duration_ms and len(media.data) <= _MAX_VOICE:
        media_id = await _upload(ctx, "voice", media)
        return "sampleAudio", {"mediaId": media_id, "duration": str(media.duration_ms)}
    media = packed(media)
    media_id = await _upload(ctx, "file", media)
    shown = {"mediaId": media_id, "fileName": media.name, "fileType": _ending(media.name)}
    return "sampleFile", shown


def packed(media: Media) -> Media:
    """The file as it is when DingTalk shows its kind, else inside a zip of its name."""
    name = media.name or "file"
    if _ending(name) in SHOWN:
        return media
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        # A date of its own would make two zips of one file differ.
        archive.writestr(zipfile.ZipInfo(name), media.data, zipfile.ZIP_DEFLATED)
    return Media(buffer.getvalue(), f"{name}.zip", "application/zip")


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lstrip(".").lower()


async def _upload(ctx: SendContext, kind: str, media: Media) -> str:
    mime = media.mime or "application/octet-stream"
    return await dingtalk_api.upload(ctx, kind, File(media.name or "file", media.data, mime))


def _duration(attachment: Mapping[str, Any]) -> int:
    value = attachment.get("duration_ms")
    return value if isinstance(value, int) else 0
