"""How an answer reaches one person in WeCom: messages in order, each known by its content.

WeCom recognises a repeat by identical JSON (`enable_duplicate_check`), for at most four hours. So
every message of a delivery is built the same way on every attempt, and differs from the same
words of another delivery: by an invisible marker, by the task id of its card, or by the id of an
uploaded file, which is remembered for as long.
"""

from __future__ import annotations

import hashlib
from typing import Any

import structlog
from django.conf import settings

from apps.core import strictjson
from apps.core.i18n import both
from apps.im import tokens, wecom_api, wecom_card
from apps.im.cards import Card
from apps.im.errors import Permanent
from apps.im.shapes import Media, Outgoing, SendContext
from apps.im.wecom_api import TASK_KNOWN, ContentRefused

#: The longest window of the duplicate check.
REMEMBERED_S = 4 * 3600
#: For so long the id of an uploaded file is kept; the file itself lives for three days.
KEPT_S = 2.0 * REMEMBERED_S
#: A longer answer goes out as a file: more than 30 messages a minute are dropped silently.
MAX_PIECES = 8
MAX_FILE, MAX_IMAGE, MAX_VOICE = 20 * 1024 * 1024, 10 * 1024 * 1024, 2 * 1024 * 1024
MAX_VOICE_MS = 60_000
#: Smaller files are refused.
MIN_FILE = 6
PICTURES = frozenset({"image/png", "image/jpeg"})
SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "audio/amr": ".amr"}
_WHOLE = both("……全文见文件", "… the whole text is in the file")
_TOO_SMALL = both("（文件 {name} 太小，无法发送）", "(the file {name} is too small to be sent)")
_WHOLE_NAME = "answer.txt"
log = structlog.get_logger(__name__)


def chat_address() -> str:
    """Where a click on a card without buttons leads: the web chat."""
    return f"{settings.CLAWDBOT_PUBLIC_URL.rstrip('/')}/chat/"


class Parcel:
    """One delivery on its way to one person; `send` numbers its messages."""

    def __init__(self, ctx: SendContext, out: Outgoing) -> None:
        self.ctx = ctx
        self.out = out
        self.to = out.private_to or out.chat_id
        #: What was taken, by a digest of the message: its id and its code. Earlier attempts' too.
        self.taken: dict[str, list[str]] = dict(out.context.get("taken") or {})
        self._number = 0

    async def words(self, card: Card) -> str:
        """Show a card as words, in as many messages as it takes; returns the first one's id."""
        text = wecom_card.words(card, self.out.language)
        pieces = wecom_card.pieces(text)
        kind = "markdown" if wecom_card.is_markdown(card) else "text"
        if len(pieces) > MAX_PIECES:
            return await self._as_file(text)
        ids = [await self.text(piece, kind) for piece in pieces]
        return ids[0] if ids else ""

    async def text(self, piece: str, kind: str = "text") -> str:
        """Send one piece as `text` or `markdown`; returns its id."""
        marked = piece + wecom_card.marker(self._name())
        message_id, _ = await self._send({"msgtype": kind, kind: {"content": marked}})
        return message_id

    async def card(self, drawn: dict[str, Any]) -> tuple[str, str]:
        """Send a template card; returns its id and the code that changes it, "" when unknown."""
        self._name()
        try:
            return await self._send({"msgtype": "template_card", "template_card": drawn})
        except ContentRefused as error:
            if error.vendor_code != str(TASK_KNOWN):
                raise
            # An earlier attempt was shown, with other words on it than this one has.
            log.info("wecom.card_known", task=drawn.get("task_id"))
            return "", ""

    async def file(self, media: Media) -> None:
        """Send a file as WeCom's own picture, voice or file message."""
        kind, media = fitted(media)
        name = file_name(media)
        if len(media.data) < MIN_FILE:
            await self.text(_TOO_SMALL.format(name=name).in_(self.out.language))
            return
        if len(media.data) > MAX_FILE:
            raise Permanent(f"the file {name} is larger than WeCom takes")
        try:
            await self._file(kind, media, name)
        except ContentRefused as error:
            if kind == "file":
                raise
            log.warning("wecom.media_refused", kind=kind, code=error.vendor_code)
            await self._file("file", media, name)

    async def _file(self, kind: str, media: Media, name: str) -> None:
        held, media_id = await self._uploaded(kind, media, name)
        try:
            await self._send({"msgtype": kind, kind: {"media_id": media_id}})
        except ContentRefused:
            await self.ctx.tokens.drop(held, media_id)
            raise

    async def _as_file(self, text: str) -> str:
        beginning = wecom_card.pieces(text)[0]
        sent = await self.text(beginning)
        await self.text(_WHOLE.in_(self.out.language))
        await self.file(Media(text.encode(), _WHOLE_NAME, "text/plain"))
        return sent

    async def _uploaded(self, kind: str, media: Media, name: str) -> tuple[str, str]:
        """Under which name it is kept, and the id of the uploaded file.

        The same on every attempt, because the id is what WeCom compares.
        """
        digest = hashlib.sha256(media.data).hexdigest()
        held = tokens.account("wecom-media", wecom_api.account(self.ctx), self._name(), digest)

        async def fetch() -> tuple[str, float]:
            return await wecom_api.upload(self.ctx, kind, media, name), KEPT_S

        return held, await self.ctx.tokens.get(held, fetch)

    async def _send(self, message: dict[str, Any]) -> tuple[str, str]:
        """Send one message unless it is known to be shown; its id, and its code if it is a card."""
        body = {
            "touser": self.to,
            "agentid": agent_id(self.ctx),
            **message,
            "enable_duplicate_check": 1,
            "duplicate_check_interval": REMEMBERED_S,
        }
        digest = hashlib.sha256(strictjson.dumps(body).encode()).hexdigest()[:16]
        if digest not in self.taken:
            answer = await wecom_api.request(self.ctx, "POST", wecom_api.SEND_PATH, body)
            for name in ("invaliduser", "unlicenseduser"):
                # Taken as a whole, but not for this person, who is the only one.
                if answer.get(name):
                    raise Permanent(f"WeCom did not deliver to this person ({name})")
            self.taken[digest] = [
                str(answer.get("msgid") or ""),
                str(answer.get("response_code") or ""),
            ]
        message_id, code = self.taken[digest]
        return message_id, code

    def _name(self) -> str:
        """The name of the next message of this delivery."""
        self._number += 1
        return f"{self.out.key}-{self._number}"


async def change(ctx: SendContext, out: Outgoing, code: str, drawn: dict[str, Any]) -> None:
    """Spend a code on showing another card in place of the one that was sent."""
    body = {
        "userids": [out.private_to or out.chat_id],
        "agentid": agent_id(ctx),
        "response_code": code,
        "template_card": drawn,
    }
    await wecom_api.request(ctx, "POST", wecom_api.UPDATE_PATH, body)


def agent_id(ctx: SendContext) -> int:
    """The app's number. Raises `Permanent` for what is none."""
    text = str(ctx.config.get("agent_id") or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Permanent("agent_id is no number")
    return int(text)


def fitted(media: Media) -> tuple[str, Media]:
    """As what kind of message a file goes out, and the file as WeCom takes it."""
    mime, size = media.mime.partition(";")[0].strip().lower(), len(media.data)
    if mime in PICTURES and size <= MAX_IMAGE:
        return "image", media
    if mime == "audio/amr" and size <= MAX_VOICE and 0 < media.duration_ms <= MAX_VOICE_MS:
        return "voice", media
    if mime.startswith("text/") and 0 < size < MIN_FILE:
        return "file", Media(media.data.ljust(MIN_FILE, b"\n"), media.name, media.mime)
    return "file", media


def file_name(media: Media) -> str:
    """A bare file name with a suffix, by which WeCom tells the type of what is uploaded."""
    mime = media.mime.partition(";")[0].strip().lower()
    name = media.name.replace("\\", "/").rpartition("/")[2].strip() or "file"
    return name if "." in name else name + SUFFIXES.get(mime, "")
