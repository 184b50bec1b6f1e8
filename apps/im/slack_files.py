"""Files of Slack: what people send is fetched with the bot's token, what we make is uploaded.

Source: docs.slack.dev, "Working with files": `files.getUploadURLExternal`, the bytes to the address
that it gives, then `files.completeUploadExternal`, which shows them. Who may not read a file gets a
page to sign in, with status 200.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.core import strictjson
from apps.core.http import Response
from apps.im import slack_api
from apps.im.errors import Later, Permanent, UnknownOutcome
from apps.im.shapes import Media, SendContext

#: Files in one message.
AT_ONCE = 10
_MAX_ANSWER = 64 * 1024


async def fetch(ctx: SendContext, attachment: Mapping[str, Any], limit: int) -> Media:
    """The bytes of a received attachment. Raises `ScopeMissing`, `Permanent`, `Later`."""
    known = attachment if attachment.get("url") else await _told(ctx, attachment)
    url, mime = str(known.get("url") or ""), str(known.get("mime") or "")
    if not url:
        raise Permanent("Slack gives no address for this file")
    reply = await slack_api.file_call(ctx, "GET", url, limit=limit)
    _check(reply, mime)
    return Media(
        reply.body,
        name=_bare(str(known.get("name") or "")),
        mime=mime or reply.headers.get("content-type", "").partition(";")[0],
        duration_ms=int(known.get("duration_ms") or 0),
    )


async def _told(ctx: SendContext, attachment: Mapping[str, Any]) -> dict[str, Any]:
    """A file of another workspace comes without its address; Slack tells it when asked."""
    answer = await slack_api.ask(ctx, "files.info", {"file": str(attachment.get("key") or "")})
    told = answer.get("file")
    one = told if isinstance(told, dict) else {}
    url = one.get("url_private_download") or one.get("url_private")
    more = {"url": url, "mime": one.get("mimetype"), "name": one.get("name")}
    return {**attachment, **{name: value for name, value in more.items() if value}}


def _check(reply: Response, mime: str) -> None:
    page = reply.headers.get("content-type", "").startswith("text/html")
    if 300 <= reply.status < 400 or (page and not mime.startswith("text/html")):
        raise slack_api.ScopeMissing(
            "add the scope files:read under OAuth & Permissions and install the app again",
            vendor_code="missing_scope",
        )
    if reply.status == 429 or reply.status >= 500:
        raise Later(f"HTTP {reply.status}", delay_s=_seconds(reply))
    if not reply.ok:
        raise Permanent(f"the file cannot be fetched: HTTP {reply.status}")


def _seconds(reply: Response) -> float:
    text = reply.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0.0


def _bare(name: str) -> str:
    """A file name without a path."""
    return name.replace("\\", "/").rpartition("/")[2]


async def show(ctx: SendContext, files: Sequence[Media], channel: str, thread: str) -> None:
    """Upload at most `AT_ONCE` files and show them in one message. Raises as `slack_api.post`."""
    uploaded = [{"id": await _upload(ctx, one), "title": name_of(one)} for one in files]
    form: dict[str, str | int] = {"files": strictjson.dumps(uploaded), "channel_id": channel}
    if thread:
        form["thread_ts"] = thread
    await slack_api.ask(ctx, "files.completeUploadExternal", form, repeatable=False)


async def _upload(ctx: SendContext, media: Media) -> str:
    """Bring the bytes to Slack, seen by nobody yet; returns the file's id."""
    wanted: dict[str, str | int] = {"filename": name_of(media), "length": len(media.data)}
    place = await slack_api.ask(ctx, "files.getUploadURLExternal", wanted)
    url, file_id = place.get("upload_url"), place.get("file_id")
    if not isinstance(url, str) or not isinstance(file_id, str):
        raise UnknownOutcome("Slack gave no address for a file")
    reply = await slack_api.file_call(ctx, "POST", url, body=media.data, limit=_MAX_ANSWER)
    if reply.status == 429 or reply.status >= 500:
        raise Later(f"HTTP {reply.status}", delay_s=_seconds(reply))
    if not reply.ok:
        raise Permanent(f"Slack takes no such file: HTTP {reply.status}")
    return file_id


def name_of(media: Media) -> str:
    """What a file is called in Slack."""
    return media.name or ("picture" if media.is_image else "file")
