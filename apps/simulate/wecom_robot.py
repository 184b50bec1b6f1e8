"""A strict stand-in of WeCom's group robot: posts with a key in, messages to look at."""

from __future__ import annotations

import base64
import hashlib
import uuid
from typing import Any

from apps.simulate.desk import Desk, Seen
from apps.simulate.server import Answer, Call
from apps.simulate.wecom import Refusal, form_file

SEND, UPLOAD = "/cgi-bin/webhook/send", "/cgi-bin/webhook/upload_media"
MAX_BYTES = {"text": 2048, "markdown": 4096, "markdown_v2": 4096}
MAX_IMAGE, MAX_FILE = 2 * 2**20, 20 * 2**20


class WeComRobotStand(Desk):
    """One group with one robot. Nobody writes to it: it has no ears."""

    platform = "wecom_robot"
    group = "group"

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.people = {}
        self.key = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"
        self._seen: list[Seen] = []
        self._media: dict[str, tuple[str, bytes]] = {}

    def config(self, **changes: Any) -> dict[str, Any]:
        """The settings of a bot that posts here."""
        return {"webhook_url": f"{self.url}{SEND}?key={self.key}"} | changes

    def visible(self) -> list[Seen]:
        """What the group sees."""
        return list(self._seen)

    def respond(self, call: Call) -> Answer:
        """Refusals have status 200 and a code."""
        try:
            return Answer(200, {"errcode": 0, "errmsg": "ok"} | self._route(call))
        except Refusal as refusal:
            return Answer(200, {"errcode": refusal.code, "errmsg": refusal.msg})

    def _route(self, call: Call) -> dict[str, Any]:
        if call.query.get("key") != self.key:
            raise Refusal(93000, "invalid webhook url, hint: [1795330800], from ip: 203.0.113.7")
        if call.method == "POST" and call.path == SEND:
            return self._send(call)
        if call.method == "POST" and call.path == UPLOAD:
            return self._upload(call)
        raise Refusal(40058, f"no such path {call.path}")

    def _send(self, call: Call) -> dict[str, Any]:
        try:
            body = call.json()
        except ValueError as error:
            raise Refusal(40008, "invalid message type") from error
        kind = body.get("msgtype")
        part = body.get(kind)
        if set(body) != {"msgtype", kind} or not isinstance(part, dict):
            raise Refusal(40008, "invalid message type")
        if kind in MAX_BYTES:
            self._words(kind, part)
        elif kind == "image":
            self._image(part)
        elif kind == "file" and part.get("media_id") in self._media:
            self._show("", [self._media[part["media_id"]]], body)
        else:
            raise Refusal(40058, f"invalid {kind}")
        return {}

    def _words(self, kind: str, part: dict[str, Any]) -> None:
        known = {"content"} | ({"mentioned_list", "mentioned_mobile_list"} & {*part})
        content = part.get("content")
        if not isinstance(content, str) or not content.strip():
            raise Refusal(44004, "empty content")
        if set(part) != known or (kind != "text" and len(part) > 1):
            raise Refusal(40058, "unknown keys")
        if len(content.encode()) > MAX_BYTES[kind]:
            raise Refusal(40058, f"{kind}.content exceed max length {MAX_BYTES[kind]}")
        self._show(content, [], {"msgtype": kind, kind: part})

    def _image(self, part: dict[str, Any]) -> None:
        data = base64.b64decode(part["base64"], validate=True)
        if len(data) > MAX_IMAGE or not data.startswith((b"\x89PNG", b"\xff\xd8")):
            raise Refusal(40009, "invalid image size")
        if hashlib.md5(data).hexdigest() != part["md5"]:  # noqa: S324 - the vendor's
            raise Refusal(301019, "md5 mismatch")
        self._show("", [("picture", data)], part)

    def _upload(self, call: Call) -> dict[str, Any]:
        if call.query.get("type") != "file":
            raise Refusal(40005, "invalid type")
        name, data = form_file(call)
        if not 5 < len(data) <= MAX_FILE:
            raise Refusal(40006, "invalid file size")
        media_id = uuid.uuid4().hex
        self._media[media_id] = (name, data)
        return {"type": "file", "media_id": media_id}

    def _show(self, text: str, files: list[tuple[str, bytes]], raw: Any) -> None:
        self._seen.append(Seen(f"m{len(self._seen)}", self.group, text, files=files, raw=raw))
