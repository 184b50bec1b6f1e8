"""Says something through the socket that the `connect` process holds: streams, pushes, files.

Source: path 101463. A callback is answered in its stream, under its own `req_id`, for as long as
the platform takes that; everything else is a push (`aibot_send_msg`), which needs no callback but a
chat in which somebody wrote to the bot before. Streams hold no pictures and no cards here, so those
are messages of their own. The messages of an answer are numbered, and how many are out is kept in
the delivery ("steps"), so that a repeat goes on where the last try ended.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from django.conf import settings

from apps.core import clock
from apps.core.i18n import both
from apps.im import aibot_card, aibot_wire, attempt
from apps.im.aibot_api import LATER
from apps.im.aibot_control import LIFE_S, WORKING
from apps.im.aibot_wire import Answer, Command
from apps.im.errors import DeliveryError, Later, Permanent, UnknownOutcome
from apps.im.shapes import Media, Outgoing, Place, SendContext, Sent

#: The callback or its stream is too old, or was another connection's: a push says it instead.
STALE = frozenset({846605, 846608, 600039})
ENDED = 846608
CHUNK = 512 * 1024
MAX_FILE = 20 * 1024 * 1024
MAX_IMAGE = 10 * 1024 * 1024
MIN_FILE = 5
_SINGLE, _GROUP = 1, 2
_REPEAT = both("（可能重复）", "(this may be a repeat)")


class Refused(Permanent):
    """WeCom refuses this message: {why}."""

    code = "aibot_push_refused"
    zh = "企业微信拒绝这条消息：{why}。"


async def progress(ctx: SendContext, out: Outgoing) -> Sent:
    """Refresh the stream; where there is none (any more) nothing is shown."""
    if not _req_id(out):
        return Sent("")
    words = aibot_card.draw(out, buttons=False).pieces[0]
    body = _stream(str(out.context["stream_id"]), words, finished=False)
    # Each revision is another frame, a repeat of one is the same.
    command = Command(f"{out.key}:r{out.revision}", "aibot_respond_msg", body, _req_id(out))
    answer = await aibot_wire.ask(ctx.bot_id, command)
    if answer.code in STALE:
        return Sent("")
    _judge(answer)
    return Sent(str(out.context["stream_id"]))


async def sign(ctx: SendContext, place: Place) -> None:
    """Open the stream of a message, so that people see at once that somebody is at work."""
    req_id, stream = str(place.extra.get("req_id") or ""), str(place.extra.get("stream_id") or "")
    if req_id and stream:
        body = _stream(stream, WORKING.in_(settings.CLAWDBOT_LANGUAGE), finished=False)
        command = Command(f"sign:{stream}", "aibot_respond_msg", body, req_id)
        _judge(await aibot_wire.ask(ctx.bot_id, command))


async def send(ctx: SendContext, out: Outgoing) -> Sent:
    """Show an answer or a notice. Raises `Later`, `UnknownOutcome`, `Refused`."""
    return await _Saying(ctx, out).all()


class _Saying:
    """The messages of one delivery, one after the other."""

    def __init__(self, ctx: SendContext, out: Outgoing) -> None:
        self._ctx, self._out = ctx, out
        self._steps = int(out.context.get("steps", 0))
        self._unsure = int(out.context.get("unsure", -1))
        self._number = 0

    async def all(self) -> Sent:
        """Say what was not said before."""
        out = self._out
        drawn = aibot_card.draw(out, files="apart")
        fitting = [one for one in out.files if MIN_FILE <= len(one.data) <= MAX_FILE]
        words = list(drawn.pieces)
        lost = [one for one in out.files if one not in fitting]
        words += [aibot_card.file_note(one, out.language) for one in lost]
        for number, piece in enumerate(words):
            await self._step(partial(self._words, piece, number == 0))
        if drawn.card is not None:
            card = {"msgtype": "template_card", "template_card": drawn.card}
            await self._step(partial(self._push, card))
        for media in fitting:
            await self._step(partial(self._file, media))
        stream = str(out.context.get("stream_id") or "") if _streams(out) else ""
        return Sent(stream, {"steps": self._number})

    async def _step(self, act: Callable[[], Awaitable[None]]) -> None:
        """Do one message, unless an earlier try did it."""
        if self._number >= self._steps:
            try:
                await act()
            except DeliveryError as error:
                error.done = {"steps": self._number}
                if isinstance(error, UnknownOutcome):
                    error.done["unsure"] = self._number
                raise
        self._number += 1
        attempt.note({"steps": max(self._number, self._steps)})

    async def _words(self, words: str, first: bool) -> None:
        """The first words end the stream, all others (and those of a stale one) are pushed."""
        out = self._out
        if first and _streams(out):
            body = _stream(str(out.context["stream_id"]), words, finished=True)
            answer = await self._ask("aibot_respond_msg", body, _req_id(out), "s")
            if answer.code not in STALE:
                _judge(answer)
                return
            if answer.code == ENDED and self._unsure == self._number and _young(out):
                return  # too young to be too old: it was our own last try that ended it
        if first and out.mention and out.chat_type == "group" and not _elsewhere(out):
            words = f"<@{out.mention}> {words}"
        if self._unsure == self._number:
            words = f"{_REPEAT.in_(out.language)}\n\n{words}"
        await self._push({"msgtype": "markdown", "markdown": {"content": words}})

    async def _push(self, body: Mapping[str, Any]) -> None:
        """Write into the chat, or to the one person who alone shall read it."""
        out = self._out
        alone = bool(out.private_to) or out.chat_type == "private"
        chat = {
            "chatid": out.private_to or out.chat_id,
            "chat_type": _SINGLE if alone else _GROUP,
        }
        _judge(await self._ask("aibot_send_msg", chat | dict(body)))

    async def _file(self, media: Media) -> None:
        """Upload in chunks, then push it. Chunks may be repeated, and are joined by number."""
        kind = "image" if media.is_image and len(media.data) <= MAX_IMAGE else "file"
        chunks = [media.data[at : at + CHUNK] for at in range(0, len(media.data), CHUNK)]
        begun = {
            "type": kind,
            "filename": media.name or ("picture.png" if kind == "image" else "file"),
            "total_size": len(media.data),
            "total_chunks": len(chunks),
            "md5": hashlib.md5(media.data, usedforsecurity=False).hexdigest(),
        }
        upload = _field(await self._ask("aibot_upload_media_init", begun, part="i"), "upload_id")
        for index, chunk in enumerate(chunks):
            sent = {"chunk_index": index, "base64_data": base64.b64encode(chunk).decode()}
            body = {"upload_id": upload} | sent
            _judge(await self._ask("aibot_upload_media_chunk", body, part=f"c{index}"))
        done = await self._ask("aibot_upload_media_finish", {"upload_id": upload}, part="f")
        await self._push({"msgtype": kind, kind: {"media_id": _field(done, "media_id")}})

    async def _ask(
        self, cmd: str, body: Mapping[str, Any], req_id: str = "", part: str = ""
    ) -> Answer:
        key = f"{self._out.key}:{self._number}{part}"
        return await aibot_wire.ask(self._ctx.bot_id, Command(key, cmd, body, req_id))


def _judge(answer: Answer) -> None:
    """Nothing when the platform took it, else the error that says what to do about it."""
    if answer.code == 0:
        return
    code = str(answer.code)
    if answer.code in LATER:
        raise Later(answer.why, delay_s=20.0, vendor_code=code)
    raise Refused(answer.why, vendor_code=code)


def _field(answer: Answer, name: str) -> str:
    _judge(answer)
    value = answer.body.get(name)
    if not isinstance(value, str) or not value:
        raise Later(f"WeCom answered without {name}")
    return value


def _stream(name: str, content: str, *, finished: bool) -> dict[str, Any]:
    return {"msgtype": "stream", "stream": {"id": name, "finish": finished, "content": content}}


def _streams(out: Outgoing) -> bool:
    """Is it the answer to a message that has a stream, and meant for all who see that?"""
    return out.role == "answer" and bool(_req_id(out)) and not _elsewhere(out)


def _elsewhere(out: Outgoing) -> bool:
    return bool(out.private_to) and out.private_to != out.chat_id


def _young(out: Outgoing) -> bool:
    return clock.timestamp() - float(out.context.get("arrived", 0)) < LIFE_S


def _req_id(out: Outgoing) -> str:
    return str(out.context.get("req_id") or "") if out.context.get("stream_id") else ""
