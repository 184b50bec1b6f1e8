"""Slack on the quality scale."""

from __future__ import annotations

from typing import Any, ClassVar

from apps.core.i18n import both
from apps.simulate.desk import Desk, Push, Seen
from apps.simulate.slack import SlackStand
from apps.simulate.slack_people import FORM
from tests.im.quality import Gold


class TestSlack(Gold):
    """The time and the whole body are signed."""

    stand = SlackStand
    golden = "slack"
    signed_names = ("X-Slack-Signature", "X-Slack-Request-Timestamp")
    wrong_settings = (
        ({"bot_token": "xoxb-another-token"}, "bot_token"),
        ({"bot_user_id": "U0OTHER"}, "bot_user_id"),
    )
    not_possible: ClassVar = {"tokens": both("令牌不过期", "tokens do not expire")}

    def expected(self, case: dict[str, Any]) -> dict[str, Any]:
        """One case's second key names another channel than its event does."""
        if case["request"]["body"].count("slack_audio"):
            case["expect"]["parsed"]["extra"].pop("second_dedupe_key")
        return case

    def plains(self, desk: Desk) -> list[bytes]:
        """Events, a command, a click and a form."""
        assert isinstance(desk, SlackStand)
        seen = Seen("1.000001", "D0ALICE", "x", raw={"blocks": []})
        pushes = [
            desk.say("hi *there* <@U0BOB>", group=True),
            desk.say("/echo <https://example.com|this> &amp; that"),
            desk.send_file(b"x", "v.m4a", voice=True, transcript="/ping"),
            desk.slash("/ping", "now"),
            desk.click(seen, "1.2.3.4"),
            desk.submit("form", city="Shanghai"),
        ]
        return [push.body for push in pushes]

    def signed(self, desk: Desk, plain: bytes) -> Push:
        """As an event or as a form."""
        assert isinstance(desk, SlackStand)
        kind = FORM if b"=" in plain[:20] else "application/json"
        return Push(plain, desk.headers(plain, kind))
