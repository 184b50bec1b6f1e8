"""A strict stand-in of DingTalk's custom robot of a group: signed posts in, Markdown to look at."""

from __future__ import annotations

import base64
import hmac
import time
from typing import Any
from urllib.parse import quote

from apps.simulate.desk import Desk, Seen
from apps.simulate.dingtalk import MAX_REPLY, OldRefusal, reply_seen
from apps.simulate.server import Answer, Call

SEND = "/robot/send"
A_MINUTE = 20
MAX_SKEW_S = 3600


class DingTalkRobotStand(Desk):
    """One group with one robot. Nobody writes to it: it has no ears."""

    platform = "dingtalk_robot"
    group = "group"

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.people = {}
        self.token = "robot-token-0123456789abcdef"
        self.secret = "SECstand0123456789"
        self.keyword = ""
        self._seen: list[Seen] = []
        self._posted: list[float] = []

    def config(self, **changes: Any) -> dict[str, Any]:
        """The settings of a bot that posts here."""
        url = f"{self.url}{SEND}?access_token={quote(self.token)}"
        return {"api_base": self.url, "webhook_url": url, "secret": self.secret} | changes

    def visible(self) -> list[Seen]:
        """What the group sees."""
        return list(self._seen)

    def respond(self, call: Call) -> Answer:
        """Refuse as DingTalk does: HTTP 200 with a code."""
        try:
            self._show(call)
        except OldRefusal as refusal:
            return Answer(200, {"errcode": refusal.errcode, "errmsg": refusal.errmsg})
        return Answer(200, {"errcode": 0, "errmsg": "ok"})

    def _show(self, call: Call) -> None:
        if call.path != SEND or call.query.get("access_token") != self.token:
            raise OldRefusal(300005, "token is not exist")
        self._verify(call.query)
        if len(call.body) > MAX_REPLY:
            raise OldRefusal(460101, "message too long")
        seen = reply_seen(call.json())
        if self.keyword not in seen.text:
            raise OldRefusal(310000, "keywords not in content")
        recent = [at for at in self._posted if at > time.monotonic() - 60]
        if len(recent) >= A_MINUTE:
            raise OldRefusal(130101, "send too fast, exceed 20 times per minute")
        self._posted.append(time.monotonic())
        seen.chat = self.group
        self._seen.append(seen)

    def _verify(self, query: dict[str, str]) -> None:
        if not self.secret:
            return
        stamp = query.get("timestamp", "")
        if not stamp.isdigit() or abs(time.time() - int(stamp) / 1000) > MAX_SKEW_S:
            raise OldRefusal(310000, "invalid timestamp")
        text = f"{stamp}\n{self.secret}".encode()
        sign = base64.b64encode(hmac.new(self.secret.encode(), text, "sha256").digest()).decode()
        if not hmac.compare_digest(sign, query.get("sign", "")):
            raise OldRefusal(310000, "sign not match")
