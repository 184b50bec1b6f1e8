"""A strict stand-in of a Matrix homeserver, as an application service sees it.

It knows transaction ids as Synapse does: those of a device for ever, those of a service without
one until `restart`. It refuses what Synapse refuses, and what no client would show.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import unquote, urlsplit

from apps.simulate.matrix_people import AS_TOKEN, BOT, HS_TOKEN, SERVER, Event, MatrixPeople
from apps.simulate.server import Answer, Call

MAX_EVENT = 65_536
#: What a server adds to an event: its hashes, signatures and the events before it.
ENVELOPE = 1_500
MSGTYPES = {"m.text", "m.notice", "m.image", "m.file", "m.audio", "m.video"}
_C = "/_matrix/client/v3"
_ROOM = r"(?P<room>[^/]+)"


@dataclass
class Refusal(Exception):
    """An error answer in the making."""

    status: int
    errcode: str
    error: str
    more: dict[str, Any] = field(default_factory=dict)


class MatrixStand(MatrixPeople):
    """One homeserver with one application service. `target` is where that takes its events."""

    def __init__(self, port: int = 0, *, makes_devices: str = "login") -> None:
        super().__init__(port)
        self.makes_devices = makes_devices  # or `put`, or ``
        self.authenticated_media = True
        self.devices: set[str] = set()
        self.direct: Event = {}
        self.typing: list[str] = []
        self._txns: dict[tuple[str, ...], str] = {}
        self._numbers = itertools.count(1)

    def config(self, **changes: Any) -> dict[str, Any]:
        """The settings of a bot that talks to this stand."""
        return {
            "api_base": self.url,
            "as_token": AS_TOKEN,
            "hs_token": HS_TOKEN,
            "user_id": BOT,
        } | changes

    def restart(self) -> None:
        """As Synapse after a restart: what was kept in memory only is gone."""
        self._txns = {key: value for key, value in self._txns.items() if key[-1]}

    def too_many(self, seconds: int) -> Answer:
        """Rate limits name their pause twice."""
        body = {"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests"}
        more = {"retry_after_ms": seconds * 1000}
        return Answer(429, {**body, **more}, {"retry-after": str(seconds)})

    def respond(self, call: Call) -> Answer:
        """Route one call; refusals become the server's error answers."""
        try:
            return self._route(call)
        except Refusal as refusal:
            told = {"errcode": refusal.errcode, "error": refusal.error, **refusal.more}
            return Answer(refusal.status, told)

    def _route(self, call: Call) -> Answer:
        if call.path == "/_matrix/client/versions":
            return Answer(200, {"versions": ["v1.11"]})
        self._authorize(call)
        for method, pattern, work in ROUTES:
            found = re.fullmatch(pattern, call.path)
            if found and method == call.method:
                answer = work(self, call, *map(unquote, found.groups()))
                return answer if isinstance(answer, Answer) else Answer(200, answer)
        raise Refusal(404, "M_UNRECOGNIZED", "Unrecognized request")

    def _authorize(self, call: Call) -> None:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise Refusal(401, "M_MISSING_TOKEN", "Missing access token")
        if token != AS_TOKEN:
            raise Refusal(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.")
        user = call.query.get("user_id", BOT)
        if user != BOT:
            why = f"Application service cannot masquerade as this user ({user})."
            raise Refusal(403, "M_FORBIDDEN", why)
        device = call.query.get("device_id", "")
        if device and device not in self.devices:
            raise Refusal(400, "M_UNKNOWN_DEVICE", "a device that doesn't exist")

    # ---- the bot itself ----

    def _whoami(self, call: Call) -> Event:
        return {"user_id": BOT, "is_guest": False}

    def _login(self, call: Call) -> Event:
        body = _object(call)
        if self.makes_devices != "login":
            raise Refusal(400, "M_APPSERVICE_LOGIN_UNSUPPORTED", "no appservice login")
        if body.get("type") != "m.login.application_service":
            raise Refusal(400, "M_UNKNOWN", "Unknown login type")
        if body.get("identifier") != {"type": "m.id.user", "user": BOT}:
            raise Refusal(403, "M_EXCLUSIVE", "not a user of this service")
        self.devices.add(str(body["device_id"]))
        return {"user_id": BOT, "access_token": "unwanted", "device_id": body["device_id"]}

    def _device(self, call: Call, name: str) -> Event:
        if self.makes_devices != "put":
            raise Refusal(404, "M_NOT_FOUND", "no such device")
        self.devices.add(name)
        return {}

    def _ping(self, call: Call, service: str) -> Event:
        """Call the service as a homeserver does, and tell what came of it."""
        if not self.target:
            raise Refusal(404, "M_UNRECOGNIZED", "Unrecognized request")
        if service != "clawdbot":
            raise Refusal(403, "M_FORBIDDEN", "Mismatching application service ID in path")
        parts = urlsplit(self.target)
        connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 9, timeout=5)
        headers = {"Authorization": f"Bearer {HS_TOKEN}", "Content-Type": "application/json"}
        try:
            path = f"{parts.path.rstrip('/')}/_matrix/app/v1/ping"
            connection.request("POST", path, call.body, headers)
            status = connection.getresponse().status
        except OSError as error:
            raise Refusal(502, "M_CONNECTION_FAILED", str(error)) from error
        finally:
            connection.close()
        if status != 200:
            raise Refusal(502, "M_BAD_STATUS", "it said no", {"status": status})
        return {"duration_ms": 1}

    def _read_direct(self, call: Call, user: str) -> Event:
        if not self.direct:
            raise Refusal(404, "M_NOT_FOUND", "Account data not found")
        return self.direct

    def _write_direct(self, call: Call, user: str) -> Event:
        self.direct = _object(call)
        return {}

    # ---- rooms ----

    def _inside(self, room: str, *allowed: str) -> dict[str, str]:
        members = self.members.get(room, {})
        if members.get(BOT) not in (allowed or ("join",)):
            raise Refusal(403, "M_FORBIDDEN", f"User {BOT} not in room {room}")
        return members

    def _joined(self, call: Call) -> Event:
        return {"joined_rooms": [r for r, who in self.members.items() if who.get(BOT) == "join"]}

    def _members(self, call: Call, room: str) -> Event:
        members = self._inside(room)
        chunk = [
            {"type": "m.room.member", "state_key": who, "content": {"membership": how}}
            for who, how in members.items()
        ]
        return {"chunk": chunk}

    def _member(self, call: Call, room: str, who: str) -> Event:
        members = self._inside(room)
        if who not in members:
            raise Refusal(404, "M_NOT_FOUND", "Event not found.")
        return {"membership": members[who]}

    def _encryption(self, call: Call, room: str) -> Event:
        self._inside(room)
        for event in self.timeline[room]:
            if event["type"] == "m.room.encryption":
                return dict(event["content"])
        raise Refusal(404, "M_NOT_FOUND", "Event not found.")

    def _messages(self, call: Call, room: str) -> Event:
        self._inside(room)
        assert call.query["dir"] == "b"
        newest_first = self.timeline[room][::-1]
        start = int(call.query.get("from") or 0)
        end = start + int(call.query.get("limit", 10))
        more = {"end": str(end)} if end < len(newest_first) else {}
        return {"start": str(start), "chunk": newest_first[start:end], **more}

    def _join(self, call: Call, room: str) -> Event:
        self._inside(room, "invite", "join")[BOT] = "join"
        self.happened(room, BOT, "m.room.member", {"membership": "join"}, BOT)
        return {"room_id": room}

    def _leave(self, call: Call, room: str) -> Event:
        members = self._inside(room, "invite", "join")
        members[BOT] = "leave"
        self.happened(room, BOT, "m.room.member", {"membership": "leave", **_object(call)}, BOT)
        return {}

    def _create(self, call: Call) -> Event:
        body = _object(call)
        room = f"!dm{next(self._numbers)}:{SERVER}"
        self.members[room] = {BOT: "join", **dict.fromkeys(body.get("invite", []), "invite")}
        self.timeline[room] = []
        return {"room_id": room}

    def _type(self, call: Call, room: str, who: str) -> Event:
        self._inside(room)
        body = _object(call)
        assert isinstance(body["timeout"], int)
        self.typing.append(room)
        return {}

    def _send(self, call: Call, room: str, txn: str) -> Event:
        self._inside(room)
        key = (room, txn, call.query.get("device_id", ""))
        if key in self._txns:
            return {"event_id": self._txns[key]}
        content = _object(call)
        if len(call.body) + ENVELOPE > MAX_EVENT:
            raise Refusal(413, "M_TOO_LARGE", "event too large")
        self._check(room, content)
        number = next(self._numbers)
        event = self.happened(room, BOT, "m.room.message", content, number=number)
        self._txns[key] = str(event["event_id"])
        return {"event_id": event["event_id"]}

    def _check(self, room: str, content: Event) -> None:
        """What the server refuses, and what clients would not show."""
        shown = content.get("m.new_content", content)
        need(content.get("msgtype") in MSGTYPES, "msgtype")
        need(isinstance(shown.get("body"), str) and shown["body"].strip(), "body")
        if "formatted_body" in shown:
            need(shown.get("format") == "org.matrix.custom.html", "format")
        need(set(content.get("m.mentions", {"room": 1})) <= {"user_ids"}, "m.mentions")
        if "url" in content:
            need(content["url"] in self.media, "url")
        relation = content.get("m.relates_to", {})
        known = {event["event_id"]: event for event in self.timeline[room]}
        replaced = known.get(relation.get("event_id"), {})
        if relation.get("rel_type") == "m.replace":
            need(replaced.get("sender") == BOT and "m.new_content" in content, "m.replace")

    # ---- media ----

    def _upload(self, call: Call) -> Event:
        address = f"mxc://{SERVER}/up{next(self._numbers)}"
        name, mime = call.query.get("filename", ""), call.headers["content-type"]
        self.media[address] = (name, mime, call.body)
        return {"content_uri": address}

    def _download(self, call: Call, server: str, name: str) -> Answer:
        if call.path.startswith("/_matrix/client") and not self.authenticated_media:
            raise Refusal(404, "M_UNRECOGNIZED", "Unrecognized request")
        found = self.media.get(f"mxc://{server}/{name}")
        if found is None:
            raise Refusal(404, "M_NOT_FOUND", "Not found")
        return Answer(200, found[2], {"content-type": found[1]})


Work = Callable[..., Event | Answer]
_M = MatrixStand
ROUTES: tuple[tuple[str, str, Work], ...] = (
    ("GET", f"{_C}/account/whoami", _M._whoami),
    ("POST", f"{_C}/login", _M._login),
    ("PUT", rf"{_C}/devices/([^/]+)", _M._device),
    ("POST", r"/_matrix/client/v1/appservice/([^/]+)/ping", _M._ping),
    ("GET", rf"{_C}/user/([^/]+)/account_data/m\.direct", _M._read_direct),
    ("PUT", rf"{_C}/user/([^/]+)/account_data/m\.direct", _M._write_direct),
    ("GET", f"{_C}/joined_rooms", _M._joined),
    ("GET", f"{_C}/rooms/{_ROOM}/members", _M._members),
    ("GET", rf"{_C}/rooms/{_ROOM}/state/m\.room\.member/([^/]+)", _M._member),
    ("GET", rf"{_C}/rooms/{_ROOM}/state/m\.room\.encryption/", _M._encryption),
    ("GET", f"{_C}/rooms/{_ROOM}/messages", _M._messages),
    ("POST", f"{_C}/rooms/{_ROOM}/join", _M._join),
    ("POST", f"{_C}/rooms/{_ROOM}/leave", _M._leave),
    ("POST", f"{_C}/createRoom", _M._create),
    ("PUT", rf"{_C}/rooms/{_ROOM}/typing/([^/]+)", _M._type),
    ("PUT", rf"{_C}/rooms/{_ROOM}/send/m\.room\.message/([^/]+)", _M._send),
    ("POST", "/_matrix/media/v3/upload", _M._upload),
    ("GET", "/_matrix/client/v1/media/download/([^/]+)/([^/]+)", _M._download),
    ("GET", "/_matrix/media/v3/download/([^/]+)/([^/]+)", _M._download),
)


def need(fine: object, what: str) -> None:
    """Refuse the content unless `fine`."""
    if not fine:
        raise Refusal(400, "M_BAD_JSON", f"wrong {what}")


def _object(call: Call) -> Event:
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refusal(400, "M_NOT_JSON", "content-type is not application/json")
    try:
        body = json.loads(call.body, parse_float=_no_float)
    except ValueError as error:
        raise Refusal(400, "M_NOT_JSON", "Content not JSON.") from error
    if not isinstance(body, dict):
        raise Refusal(400, "M_BAD_JSON", "Content must be a JSON object.")
    return body


def _no_float(text: str) -> float:
    raise Refusal(400, "M_BAD_JSON", "Bad JSON value: float")
