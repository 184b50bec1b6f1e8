"""The platform's end of an AI bot's socket: one live connection, frames, acks, uploads.

Every frame is kept among the stand's calls, as `WS /<cmd>`, and meets its scripted faults: "answer"
(the `errcode` and `errmsg` of its body), "hang" (no ack), "cut" (done, no ack), "reset" (hung up).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
import uuid
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apps.simulate.aibot_cards import Bad, check_stream, only
from apps.simulate.desk import Push
from apps.simulate.frames import Frames
from apps.simulate.server import Call

if TYPE_CHECKING:
    from apps.simulate.wecom_aibot import Asked, WecomAibotStand

NEEDS_CALLBACK = {"aibot_respond_msg", "aibot_respond_update_msg", "aibot_respond_welcome_msg"}
INVALID_REQ_ID, STALE, NO_SUBSCRIPTION, BAD_SECRET, TOO_OFTEN = 846605, 846608, 846601, 40001, 45009


class Code(Exception):
    """A frame is refused with this code."""

    def __init__(self, code: int, why: str) -> None:
        self.code = code
        super().__init__(why)


@dataclass
class Upload:
    """A file on its way."""

    begun: dict[str, Any]
    chunks: dict[int, bytes] = field(default_factory=dict)


class Sockets:
    """The connections of the one bot; the newest that subscribed is live."""

    def __init__(self, stand: WecomAibotStand) -> None:
        self.stand = stand
        self.live: Frames | None = None
        self.subscriptions = 0
        #: A key of its own for the media of a socket's messages; b"" = the callbacks' key.
        self.media_key = b""
        #: Messages to one chat in a minute; a refreshed stream is one message here.
        self.per_minute = 30
        self.stream_life_s = 360.0
        self.uploads: dict[str, Upload] = {}
        self.media: dict[str, tuple[str, bytes]] = {}
        self._callbacks: dict[str, tuple[Asked, Frames]] = {}
        self._streams: dict[str, float] = {}
        self._sent: defaultdict[str, deque[float]] = defaultdict(deque)

    async def serve(self, frames: Frames) -> None:
        """One connection, from its opening to its end."""
        try:
            while (text := await frames.recv()) is not None:
                frame = json.loads(text)
                body = json.dumps(frame, ensure_ascii=False).encode()
                if not await self._met(frames, Call("WS", f"/{frame['cmd']}", {}, {}, body), frame):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            if self.live is frames:
                self.live = None

    def deliver(self, push: Push) -> str:
        """Push a message, a click or an event through the live socket; returns its req_id."""
        asked = self.stand.asked[push.message_id]
        body = {name: value for name, value in asked.body.items() if name != "response_url"}
        for kind in ("image", "file"):
            if kind in body:
                self.media_key = self.media_key or hashlib.sha256(b"media").digest()
                key = base64.b64encode(self.media_key).decode().rstrip("=")
                body[kind] = {**body[kind], "aeskey": key}
        cmd = "aibot_event_callback" if body["msgtype"] == "event" else "aibot_msg_callback"
        req_id = uuid.uuid4().hex
        assert self.live is not None, "no connection is live"
        self._callbacks[req_id] = (asked, self.live)
        frame = {"cmd": cmd, "headers": {"req_id": req_id}, "body": body}
        self._call_soon(self.live.send(json.dumps(frame, ensure_ascii=False)))
        return req_id

    def kick(self) -> None:
        """Another connection of the bot takes over."""
        assert self.live is not None
        self._call_soon(self._dismiss(self.live))

    def hang_up(self) -> None:
        """Lose the live connection without a word."""
        assert self.live is not None
        self.stand.loop.call_soon_threadsafe(self.live.abort)

    def _call_soon(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self.stand.loop).result(5)

    async def _dismiss(self, frames: Frames) -> None:
        event = {"msgtype": "event", "event": {"eventtype": "disconnected_event"}}
        body = {"msgid": uuid.uuid4().hex, "aibotid": self.stand.aibot_id, **event}
        frame = {
            "cmd": "aibot_event_callback",
            "headers": {"req_id": uuid.uuid4().hex},
            "body": body,
        }
        await frames.send(json.dumps(frame))
        frames.close()

    async def _met(self, frames: Frames, call: Call, frame: dict[str, Any]) -> bool:
        """Do what a frame asks for and answer it; False when the connection is over."""
        fault = self.stand.fault_for(call)
        answer: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}
        if fault is None or fault.after or fault.kind == "cut":
            try:
                if found := await self._done(frames, frame):
                    answer["body"] = found
            except Code as error:
                answer = {"errcode": error.code, "errmsg": str(error)}
            except (Bad, KeyError, TypeError, ValueError) as error:
                answer = {"errcode": 40058, "errmsg": str(error)}
        self.stand.kept(call)
        if fault is not None and fault.kind == "reset":
            frames.abort()
            return False
        if fault is not None and fault.kind in {"hang", "cut"}:
            return True
        if fault is not None:
            answer = dict(fault.answer.body)
        answer["headers"] = {"req_id": frame["headers"]["req_id"]}
        await frames.send(json.dumps(answer, ensure_ascii=False))
        return True

    async def _done(self, frames: Frames, frame: dict[str, Any]) -> dict[str, Any] | None:
        cmd, body = frame["cmd"], frame.get("body", {})
        only(frame, {"cmd", "headers", "body"})
        if cmd == "aibot_subscribe":
            await self._subscribe(frames, body)
            return None
        if self.live is not frames:
            raise Code(NO_SUBSCRIPTION, "not subscribed")
        if cmd == "ping":
            return None
        if cmd in NEEDS_CALLBACK:
            self._respond(cmd, frames, frame["headers"]["req_id"], body)
            return None
        if cmd == "aibot_send_msg":
            self._push(body)
            return None
        return self._upload(cmd, body)

    async def _subscribe(self, frames: Frames, body: dict[str, Any]) -> None:
        only(body, {"bot_id", "secret"})
        if (body["bot_id"], body["secret"]) != (self.stand.aibot_id, self.stand.secret):
            raise Code(BAD_SECRET, "invalid credential")
        old, self.live = self.live, frames
        self.subscriptions += 1
        if old is not None:
            await self._dismiss(old)

    def _respond(self, cmd: str, frames: Frames, req_id: str, body: dict[str, Any]) -> None:
        asked, theirs = self._callbacks.get(req_id, (None, None))
        if asked is None or theirs is not frames:
            raise Code(INVALID_REQ_ID, "invalid req_id")
        event = asked.body.get("event", {}).get("eventtype", "")
        wanted = {"enter_chat": "aibot_respond_welcome_msg", "": "aibot_respond_msg"}
        if wanted.get(event, "aibot_respond_update_msg") != cmd:
            raise Code(INVALID_REQ_ID, "invalid req_id for this command")
        if cmd == "aibot_respond_welcome_msg":
            self.stand.welcomed(asked, body)
        elif body.get("msgtype") == "stream":
            self._stream(asked, body)
        else:
            self._limit(asked.chat)
            self.stand.shown_message(asked, asked.chat, body)

    def _stream(self, asked: Asked, body: dict[str, Any]) -> None:
        only(body, {"msgtype", "stream"})
        stream = check_stream(body["stream"], pictures=False)
        began = self._streams.get(stream["id"])
        if began is None:
            self._limit(asked.chat)
            began = self._streams[stream["id"]] = time.monotonic()
        if asked.ended or time.monotonic() - began > self.stream_life_s:
            raise Code(STALE, "stream message update expired")
        self.stand.stream_shown(asked, stream)

    def _push(self, body: dict[str, Any]) -> None:
        chat, kind = body["chatid"], body.get("chat_type", 0)
        known = {one.chat for one in self.stand.asked.values()}
        if chat not in known:
            raise Code(93006, "nobody wrote to the bot in this chat")
        if kind not in {0, 2 if chat == self.stand.group else 1}:
            raise Code(40058, "chat_type is another")
        self._limit(chat)
        only(body, {"chatid", "chat_type", "msgtype", body["msgtype"]})
        if body["msgtype"] in {"image", "file"}:
            name, data = self.media[body[body["msgtype"]]["media_id"]]
            self.stand.shown_file(chat, name, data)
            return
        self.stand.shown_message(None, chat, body)

    def _upload(self, cmd: str, body: dict[str, Any]) -> dict[str, Any] | None:
        if cmd == "aibot_upload_media_init":
            only(body, {"type", "filename", "total_size", "total_chunks", "md5"})
            if body["type"] not in {"file", "image"} or not body["total_size"] >= 5:
                raise Bad("type or total_size is wrong")
            name = uuid.uuid4().hex
            self.uploads[name] = Upload(body)
            return {"upload_id": name}
        upload = self.uploads[body["upload_id"]]
        if cmd == "aibot_upload_media_chunk":
            data = base64.b64decode(body["base64_data"], validate=True)
            if (
                len(data) > 512 * 1024
                or not 0 <= body["chunk_index"] < upload.begun["total_chunks"]
            ):
                raise Bad("a chunk is too large or has no place")
            upload.chunks[body["chunk_index"]] = data
            return None
        if cmd != "aibot_upload_media_finish":
            raise Code(40058, f"unknown command {cmd}")
        whole = b"".join(upload.chunks[n] for n in range(upload.begun["total_chunks"]))
        digest = hashlib.md5(whole, usedforsecurity=False).hexdigest()
        if digest != upload.begun["md5"] or len(whole) != upload.begun["total_size"]:
            raise Bad("the file is not whole")
        media = f"media-{uuid.uuid4().hex}"
        self.media[media] = (upload.begun["filename"], whole)
        return {"type": upload.begun["type"], "media_id": media, "created_at": int(time.time())}

    def _limit(self, chat: str) -> None:
        sent, now = self._sent[chat], time.monotonic()
        while sent and now - sent[0] > 60:
            sent.popleft()
        if len(sent) >= self.per_minute:
            raise Code(TOO_OFTEN, "api freq out of limit")
        sent.append(now)
