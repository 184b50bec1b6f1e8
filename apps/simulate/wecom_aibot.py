"""A strict stand-in of WeCom for its AI bots: callbacks, polled streams, reply addresses, sockets.

`with WecomAibotStand() as stand:` in a test; `taken` gives the polls that follow an answer, and
`aibot_socket.py` holds the end of the socket. What the platform would refuse is refused, and what
it has no way of refusing (the answer to a callback) is kept in `complaints`.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from apps.simulate.aibot_cards import Bad, check_card, check_content, check_stream, only
from apps.simulate.aibot_seal import Sealer
from apps.simulate.aibot_socket import TOO_OFTEN, Sockets
from apps.simulate.desk import Desk, Push, Seen
from apps.simulate.frames import Frames
from apps.simulate.server import Answer, Call, Fault
from apps.simulate.server import _read as read_call

RESPONSE = "/cgi-bin/aibot/response"
MEDIA = "/media/"
URL_LIFE_S = 3600.0
PICTURES = (".png", ".jpg", ".jpeg", ".gif")


@dataclass
class Asked:
    """One message or click of somebody: what may be answered to it, and how."""

    msgid: str
    chat: str
    who: str
    group: bool
    body: dict[str, Any]
    at: float = field(default_factory=time.monotonic)
    code: str = ""
    used: bool = False
    #: The id of the stream that answers it, and whether that ended.
    stream: str = ""
    ended: bool = False
    card: bool = False


class WecomAibotStand(Desk):
    """One company with one AI bot."""

    platform = "wecom_aibot"
    repeats_s = (1.0, 1.0, 1.0)

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.sealer = Sealer()
        self.aibot_id, self.bot_name, self.secret = "AIBOTSTAND", "ClawdBot", "stand-socket-secret"
        self.stream_config = {"secret": self.secret}
        self.people = {"alice": "WoAlice", "bob": "WoBob", "mallory": "WoMallory"}
        self.group = "wrStandGroup01"
        self.complaints: list[str] = []
        #: Between two polls; the platform stops when a stream ended or is this old.
        self.poll_s, self.life_s = 0.5, 360.0
        #: So many streams of one person may be open at a time; 0 = as many as wanted. WeCom: 3.
        self.open_limit = 0
        self.polls: Counter[str] = Counter()
        self.asked: dict[str, Asked] = {}
        self.shown: dict[str, Seen] = {}
        self.task_ids: set[str] = set()
        self.sockets = Sockets(self)
        self._media: dict[str, bytes] = {}
        self._pushed: dict[str, tuple[str, str]] = {}  # nonce -> (kind, msgid or stream)
        self._numbers = itertools.count(1)

    def config(self, **changes: Any) -> dict[str, Any]:
        """The settings of a bot that is called back; `secret=stand.secret` for a socket."""
        return {
            "api_base": self.url,
            "token": self.sealer.token,
            "encoding_aes_key": self.sealer.encoding_aes_key,
            "aibot_id": self.aibot_id,
            "bot_name": self.bot_name,
            "max_skew_s": 600,
        } | changes

    # ---- people ----

    def add_person(self, name: str) -> None:
        """With a private chat of theirs."""
        self.people[name] = f"Wo{name}"

    def say(
        self,
        text: str,
        who: str = "alice",
        *,
        group: bool = False,
        mention: bool = True,
        message_id: str = "",
    ) -> Push:
        """Somebody writes. In a group the platform passes on only what mentions the bot.

        Raises ValueError for what it would keep to itself.
        """
        if group and not mention:
            raise ValueError("WeCom passes on only what mentions the bot")
        words = f"@{self.bot_name} {text}" if group else text
        return self.write({"msgtype": "text", "text": {"content": words}}, who, group, message_id)

    def write(
        self, content: dict[str, Any], who: str = "alice", group: bool = False, message_id: str = ""
    ) -> Push:
        """Any message; raises ValueError when too many of this person's are open."""
        mine = [one for one in self.asked.values() if one.who == who and one.stream]
        if self.open_limit and sum(not one.ended for one in mine) >= self.open_limit:
            raise ValueError(f"{self.open_limit} messages of {who} are being answered already")
        return self._push("message", self._body(content, who, group, message_id))

    def enter(self, who: str = "alice") -> Push:
        """Somebody opens the chat for the first time today."""
        body = self._body(
            {"msgtype": "event", "event": {"eventtype": "enter_chat"}}, who, False, ""
        )
        for name in ("response_url", "chattype"):
            del body[name]
        return self._push("enter", body)

    def click(self, seen: Seen, value: str, who: str = "alice", **values: str) -> Push:
        """Somebody presses a button; the platform sends this once and waits 5 seconds."""
        card = seen.raw["card"]
        if value not in {key for _, key in seen.buttons}:
            raise ValueError("there is no such button")
        event = {"card_type": card["card_type"], "event_key": value, "task_id": card["task_id"]}
        content = {
            "msgtype": "event",
            "event": {"eventtype": "template_card_event", "template_card_event": event},
        }
        return self._push("click", self._body(content, who, seen.chat == self.group, ""))

    def send_file(
        self,
        data: bytes,
        name: str,
        who: str = "alice",
        *,
        voice: bool = False,
        transcript: str = "",
    ) -> Push:
        """Somebody sends a file or speaks (then WeCom sends the words alone); private only."""
        if voice:
            return self.write({"msgtype": "voice", "voice": {"content": transcript}}, who)
        kind = "image" if name.lower().endswith(PICTURES) else "file"
        path = f"{next(self._numbers)}/{quote(name)}"
        self._media[path] = data
        return self.write({"msgtype": kind, kind: {"url": f"{self.url}{MEDIA}{path}"}}, who)

    def too_many(self, seconds: int) -> Answer:
        """As a reply address, and as a socket, says it."""
        body = {"errcode": TOO_OFTEN, "errmsg": "api freq out of limit"}
        return Answer(429, body, {"retry-after": str(seconds)})

    def again(self, push: Push) -> Push:
        """The same callback once more, sealed anew."""
        kind, name = self._pushed[push.query["nonce"]]
        if kind == "poll":
            return self._poll(name)
        return self._push(kind, self.asked[name].body)

    def visible(self) -> list[Seen]:
        """What people see, oldest first; a stream is one message whose words change."""
        return list(self.shown.values())

    def answers_to(self, push: Push) -> list[Seen]:
        """The messages that answer this one; a stream counts once it has ended."""
        found = [seen for seen in self.visible() if seen.reply_to == push.message_id]
        return [seen for seen in found if seen.raw.get("finished", True)]

    # ---- what the platform does ----

    def taken(self, push: Push, body: bytes) -> list[Push]:
        """Read the answer to a callback; while a stream is open, the next poll.

        `trouble` is asked about polls, too (`POLL /poll`): one that meets a fault loses its answer.
        """
        kind, name = self._pushed[push.query["nonce"]]
        lost = kind == "poll" and self.trouble(Call("POLL", "/poll", {}, {}, b"")) is not None
        stream = name if kind == "poll" else ""
        if not lost:
            with self._changed:
                try:
                    stream = self._read_answer(kind, name, body, push.query["nonce"])
                except (Bad, ValueError, KeyError, TypeError) as error:
                    self.complaints.append(f"{kind}: {error}")
                self._changed.notify_all()
        return self._next(stream) if stream else []

    def _read_answer(self, kind: str, name: str, body: bytes, nonce: str) -> str:
        """Show what it says; returns the stream that is to be polled on, "" for none."""
        if not body.strip():
            return ""
        given = self.sealer.open(body, nonce)
        if kind in {"message", "poll"}:
            return self._streamed(kind, name, given)
        if kind != "enter":
            raise Bad("this stand takes an empty answer to a click")
        self.welcomed(self.asked[name], given)
        return ""

    def respond(self, call: Call) -> Answer:
        """The reply addresses and the media."""
        if call.method == "GET" and call.path.startswith(MEDIA):
            return self._file(call.path.removeprefix(MEDIA))
        if call.path != RESPONSE:
            return Answer(404, {"errcode": 404, "errmsg": "no such path"})
        if call.method != "POST":
            return Answer(200, {"errcode": 41001, "errmsg": "POST only"})
        try:
            self._respond(call)
        except Refusal as error:
            return Answer(200, {"errcode": error.code, "errmsg": str(error)})
        except (Bad, ValueError, KeyError, TypeError) as error:
            return Answer(200, {"errcode": 40058, "errmsg": str(error)})
        return Answer(200, {"errcode": 0, "errmsg": "ok"})

    def shown_message(self, asked: Asked | None, chat: str, body: dict[str, Any]) -> Seen:
        """A message (no stream) as people see it. Raises `Bad`."""
        kind = body.get("msgtype")
        raw: dict[str, Any] = {"card": None}
        buttons: list[tuple[str, str]] = []
        if kind == "markdown":
            only(body["markdown"], {"content", "feedback"})
            text = check_content(body["markdown"]["content"])
            if not text:
                raise Bad("content is empty")
        elif kind == "template_card":
            buttons = check_card(body["template_card"], self.task_ids)
            raw["card"] = body["template_card"]
            text = _card_text(body["template_card"])
        else:
            raise Bad(f"msgtype {kind!r} cannot be sent this way")
        name = f"m{next(self._numbers)}"
        seen = Seen(name, chat, text, buttons, reply_to=asked.msgid if asked else "", raw=raw)
        self.shown[name] = seen
        return seen

    def stream_shown(self, asked: Asked, stream: dict[str, Any]) -> Seen:
        """The stream as it looks now."""
        seen = self.shown.get(stream["id"])
        if seen is None:
            raw = {"finished": False, "card": None}
            seen = Seen(stream["id"], asked.chat, "", reply_to=asked.msgid, raw=raw)
            self.shown[stream["id"]] = seen
        elif seen.text and seen.text != stream.get("content", ""):
            seen.edits += 1
        seen.text = stream.get("content", "")
        seen.raw["finished"] = asked.ended = bool(stream.get("finish"))
        asked.stream = stream["id"]
        return seen

    def shown_file(self, chat: str, name: str, data: bytes) -> None:
        """A file of the platform's own."""
        number = f"m{next(self._numbers)}"
        self.shown[number] = Seen(number, chat, "", files=[(name, data)], raw={"card": None})

    def welcomed(self, asked: Asked, given: dict[str, Any]) -> None:
        """The words that greet somebody who opened the chat. Raises `Bad`."""
        only(given, {"msgtype", "text"})
        if given["msgtype"] != "text":
            raise Bad("a welcome is a text")
        number = f"m{next(self._numbers)}"
        words = check_content(given["text"]["content"])
        self.shown[number] = Seen(number, asked.chat, words, raw={"card": None})

    # ---- for the socket ----

    def through_connection(self, push: Push) -> bytes | None:
        """Through the live socket, where nothing is polled."""
        known = push.message_id in self.asked
        return self.sockets.deliver(push).encode() if known and self.sockets.live else None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of the server's thread."""
        return self._loop

    def fault_for(self, call: Call) -> Fault | None:
        """What goes wrong with this frame."""
        return self._take_fault(call)

    def kept(self, call: Call) -> None:
        """Keep a frame among the calls, and wake who waits for it."""
        with self._changed:
            self.calls.append(call)
            self._changed.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while (call := await read_call(reader)) is not None:
                if call.headers.get("upgrade", "").lower() == "websocket":
                    await self.sockets.serve(Frames(call, reader, writer))
                    break
                if not await self._handle(call, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller went away, which is its good right
        finally:
            self._open.discard(writer)
            writer.close()

    # ---- what is shown ----

    def _streamed(self, kind: str, name: str, given: dict[str, Any]) -> str:
        """Show what a callback or a poll was answered with; returns the stream's id."""
        asked = self.asked[name] if kind == "message" else self._asker(name)
        msgtype = given.get("msgtype")
        if msgtype not in {"stream", "stream_with_template_card"}:
            raise Bad(f"a message is answered with a stream, not {msgtype!r}")
        only(given, {"msgtype", "stream", "template_card"})
        stream = check_stream(given["stream"], pictures=True)
        if kind == "poll" and stream["id"] != name:
            raise Bad("another stream was asked for")
        if asked.ended:
            return str(stream["id"])  # the end came before; nothing of it can be changed
        seen = self.stream_shown(asked, stream)
        seen.files = [
            (f"{n}.png", base64.b64decode(item["image"]["base64"]))
            for n, item in enumerate(stream.get("msg_item", []))
        ]
        if given.get("template_card") and not asked.card:
            seen.buttons = check_card(given["template_card"], self.task_ids)
            seen.raw["card"], asked.card = given["template_card"], True
        return str(stream["id"])

    def _next(self, stream: str) -> list[Push]:
        asked = self._asker(stream)
        if asked.ended or time.monotonic() - asked.at > self.life_s:
            return []
        time.sleep(self.poll_s)
        self.polls[stream] += 1
        return [self._poll(stream)]

    def _asker(self, stream: str) -> Asked:
        return next(one for one in self.asked.values() if one.stream == stream)

    def _poll(self, stream: str) -> Push:
        asked = self._asker(stream)
        body = {
            k: v for k, v in asked.body.items() if k in {"aibotid", "chatid", "chattype", "from"}
        }
        body |= {"msgid": uuid.uuid4().hex, "msgtype": "stream", "stream": {"id": stream}}
        return self._sealed("poll", stream, body, "")

    def _respond(self, call: Call) -> None:
        code = call.query.get("response_code", "")
        asked = next((one for one in self.asked.values() if code and one.code == code), None)
        if asked is None or time.monotonic() - asked.at > URL_LIFE_S:
            raise Refusal(40096, "response_code is unknown or expired")
        if asked.used:
            raise Refusal(40096, "response_code was used")
        if not call.headers.get("content-type", "").startswith("application/json"):
            raise Bad("content-type is not application/json")
        body = call.json()
        only(body, {"msgtype", "markdown", "template_card"})
        if body.get("msgtype") == "template_card" and asked.group:
            raise Bad("template_card is for private chats here")
        self.shown_message(asked, asked.chat, body)
        asked.used = True

    def _file(self, path: str) -> Answer:
        if path not in self._media:
            return Answer(403, {"Code": "AccessDenied"})
        headers = {
            "content-type": "application/octet-stream",
            "content-disposition": f"attachment; filename*=UTF-8''{path.partition('/')[2]}",
        }
        return Answer(200, self.sealer.media(self._media[path], self.sockets.media_key), headers)

    def _body(
        self, content: dict[str, Any], who: str, group: bool, message_id: str
    ) -> dict[str, Any]:
        code = uuid.uuid4().hex
        msgid = message_id or f"CAIQ{uuid.uuid4().hex}="
        person = self.people[who]
        body = {
            "msgid": msgid,
            "aibotid": self.aibot_id,
            "chattype": "group" if group else "single",
            "from": {"userid": person},
            "response_url": f"{self.url}{RESPONSE}?response_code={code}",
            **({"chatid": self.group} if group else {}),
            **content,
        }
        chat = self.group if group else person
        if msgid not in self.asked:
            self.asked[msgid] = Asked(msgid, chat, who, group, body, code=code)
        return body

    def _push(self, kind: str, body: dict[str, Any]) -> Push:
        return self._sealed(kind, body["msgid"], body, body["msgid"])

    def _sealed(self, kind: str, name: str, body: dict[str, Any], message_id: str) -> Push:
        sealed, query = self.sealer.seal(body)
        self._pushed[query["nonce"]] = (kind, name)
        headers = {"Content-Type": "application/json"}
        return Push(sealed, headers, query, message_id=message_id)


class Refusal(Exception):
    """An error answer in the making."""

    def __init__(self, code: int, why: str) -> None:
        self.code = code
        super().__init__(why)


def _card_text(card: dict[str, Any]) -> str:
    title = card["main_title"].get("title", "")
    return "\n".join(part for part in (title, card.get("sub_title_text", "")) if part)
