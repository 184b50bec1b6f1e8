"""A strict stand-in of Feishu's custom bot of a group: signed posts in, cards to look at."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

from apps.simulate.desk import Desk, Seen
from apps.simulate.feishu import words_of
from apps.simulate.feishu_cards import BadCard, check_card
from apps.simulate.server import Answer, Call

HOOK = "/open-apis/bot/v2/hook/"
MAX_BODY = 20 * 1024
MAX_SKEW_S = 3600


class FeishuRobotStand(Desk):
    """One group with one robot. Nobody writes to it: it has no ears."""

    platform = "feishu_robot"
    group = "group"

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.people = {}
        self.key = "11111111-2222-3333-4444-555555555555"
        self.secret = "stand-robot-secret"
        self.keyword = ""
        self._seen: list[Seen] = []

    def config(self, **changes: Any) -> dict[str, Any]:
        """The settings of a bot that posts here."""
        return {"webhook_url": f"{self.url}{HOOK}{self.key}", "secret": self.secret} | changes

    def visible(self) -> list[Seen]:
        """What the group sees."""
        return list(self._seen)

    def respond(self, call: Call) -> Answer:
        """Refuse as Feishu does: HTTP 200 with a code, most of the time."""
        if call.path != HOOK + self.key:
            return _refused(19001, "param invalid: incoming webhook access token invalid")
        if len(call.body) > MAX_BODY:
            return _refused(9499, "Bad Request: too large", 400)
        try:
            body = call.json()
        except ValueError:
            return _refused(9499, "Bad Request", 400)
        if self.secret and not self._signed(body):
            return _refused(19021, "sign match fail or timestamp is not within one hour")
        return self._show(body)

    def _signed(self, body: dict[str, Any]) -> bool:
        stamp = str(body.get("timestamp", ""))
        if not stamp.isdigit() or abs(time.time() - int(stamp)) > MAX_SKEW_S:
            return False
        key = f"{stamp}\n{self.secret}".encode()
        mac = base64.b64encode(hmac.new(key, digestmod=hashlib.sha256).digest()).decode()
        return hmac.compare_digest(mac, str(body.get("sign", "")))

    def _show(self, body: dict[str, Any]) -> Answer:
        kind = body.get("msg_type")
        if kind == "text":
            content: Any = body.get("content")
            fine = isinstance(content, dict) and bool(content.get("text"))
        elif kind == "interactive":
            content = body.get("card")
            try:
                check_card(content)
                fine = True
            except (BadCard, KeyError, TypeError) as error:
                return _refused(9499, f"Bad Request: {error}", 400)
        else:
            content, fine = None, False
        if not fine:
            return _refused(9499, "Bad Request: params error", 400)
        text = words_of(content)
        if self.keyword not in text:
            return _refused(19024, "Key Words Not Found")
        self._seen.append(Seen(f"m{len(self._seen)}", self.group, text, raw=body))
        return Answer(200, {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}})


def _refused(code: int, said: str, status: int = 200) -> Answer:
    return Answer(status, {"code": code, "msg": said, "data": {}})
