"""Matrix on the quality scale."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, ClassVar

from apps.core.i18n import both
from apps.im.base import Inbound
from apps.simulate.desk import Desk, Push
from apps.simulate.matrix import MatrixStand
from apps.simulate.matrix_people import BOT, GROUP, HS_TOKEN, SERVER, room_of
from tests.im.quality import Gold

SENT = {"origin_server_ts": 1_700_000_000_000, "unsigned": {"age": 5}}
NOBODY: dict[str, Any] = {"m.mentions": {}}


class TestMatrix(Gold):
    """The homeserver's token travels along; nothing is signed."""

    stand = MatrixStand
    signs_body = False
    signed_names = ("Authorization",)
    wrong_settings = (
        ({"as_token": "another-token"}, "as_token"),
        ({"user_id": f"@somebody:{SERVER}"}, "user_id"),
        ({"api_base": "http://127.0.0.1:9"}, "api_base"),
    )
    not_possible: ClassVar = {
        "buttons": both(
            "Matrix 没有按钮，卡片里列出可输入的命令",
            "Matrix has no buttons; a card says which commands can be typed",
        ),
        "forms": both("Matrix 没有表单，改为逐句询问", "Matrix has no forms; it is asked in words"),
        "tokens": both("令牌不过期", "the token does not expire"),
    }

    def only(self, desk: Desk, push: Push) -> Inbound:
        """What kind of room it was said in no event tells: the pipeline asks the homeserver."""
        message = super().only(desk, push)
        assert isinstance(desk, MatrixStand)
        kind = "private" if len(desk.members[str(message.chat_id)]) == 2 else "group"
        return replace(message, chat_type=kind)

    def plains(self, desk: Desk) -> list[bytes]:
        """Messages of several kinds, an invitation, several at once."""
        pill = f'<a href="https://matrix.to/#/{BOT}">Bot</a> hi'
        html = {"format": "org.matrix.custom.html", "formatted_body": pill}
        file = {"url": f"mxc://{SERVER}/f", "info": {"size": 9, "mimetype": "audio/ogg"}}
        thread = {"rel_type": "m.thread", "event_id": "$r", "m.in_reply_to": {"event_id": "$q"}}
        contents: list[dict[str, Any]] = [
            {"msgtype": "m.text", "body": "!echo hi", **NOBODY},
            {"msgtype": "m.text", "body": f"> <{BOT}> pong\n\nBot hi", **html},
            {"msgtype": "m.audio", "body": "v.ogg", "org.matrix.msc3245.voice": {}, **file},
            {"msgtype": "m.file", "body": "this", "filename": "a.csv", **file},
            {"msgtype": "m.location", "body": "x", "geo_uri": "geo:23.1,113.3"},
            {"msgtype": "m.text", "body": "hi", "m.relates_to": thread, **NOBODY},
        ]
        who = {"sender": f"@alice:{SERVER}", **SENT}
        place = {"type": "m.room.message", "room_id": room_of("alice")}
        events = [
            {**place, **who, "event_id": f"${n}", "content": c} for n, c in enumerate(contents)
        ]
        member = {"type": "m.room.member", "room_id": GROUP, "state_key": BOT, "event_id": "$i"}
        events.append({**member, **who, "content": {"membership": "invite"}})
        return [self._body(one) for one in events] + [self._body(*events)]

    def _body(self, *events: dict[str, Any]) -> bytes:
        return json.dumps({"events": events}, ensure_ascii=False).encode()

    def signed(self, desk: Desk, plain: bytes) -> Push:
        """With the token of the registration."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {HS_TOKEN}"}
        return Push(plain, headers, method="PUT", path="_matrix/app/v1/transactions/1")
