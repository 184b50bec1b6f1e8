"""What Telegram pushes: who is meant in a group, entities in UTF-16, what is not for us."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.im.base import Inbound, InboundRequest, Received, get_platform

TELEGRAM = get_platform("telegram")
CONFIG = {"token": "7000000001:AA", "secret_token": "s3cret", "bot_username": "ClawdBot"}
HEADERS = {"X-Telegram-Bot-Api-Secret-Token": "s3cret"}
ALICE = {"id": 1001, "is_bot": False, "first_name": "Alice", "last_name": "A"}
ME = {"id": 7000000001}
GROUP = {"id": -1001987654321, "type": "supergroup"}


def update(**message: Any) -> dict[str, Any]:
    whole = {"message_id": 5, "from": ALICE, "chat": {"id": 1001, "type": "private"}} | message
    return {"update_id": 9, "message": whole}


def receive(event: Any, **headers: str) -> Received:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return TELEGRAM.receive(CONFIG, InboundRequest("POST", "/", {}, headers or HEADERS, body), 0)


def accepted(**message: Any) -> Inbound:
    received = receive(update(**message))
    assert received.verdict == "accept", received
    return received.messages[0]


def entity(kind: str, offset: int, length: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length, **more}


def test_a_private_text() -> None:
    said = accepted(text="  hi   there ")
    assert (said.text, said.sender_name, said.chat_type) == ("hi there", "Alice A", "private")
    assert (said.dedupe_key, said.second_key) == ("upd:9", "msg:1001:5")


def test_a_mention_after_letters_beyond_the_basic_plane() -> None:
    text = "😀👨‍👩‍👧 @clawdbot 查询 @bob"
    at = len(text[: text.index("@clawdbot")].encode("utf-16-le")) // 2
    bob = len(text[: text.index("@bob")].encode("utf-16-le")) // 2
    said = accepted(
        text=text, chat=GROUP, entities=[entity("mention", bob, 4), entity("mention", at, 9)]
    )
    assert said.text == "😀👨‍👩‍👧 查询 @bob"
    assert said.mentions_bot


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"text": "Clawd do", "entities": [entity("text_mention", 0, 5, user=ME)]}, "do"),
        ({"text": "do", "reply_to_message": {"from": ME}}, "do"),
        ({"text": "/ping", "entities": [entity("bot_command", 0, 5)]}, "/ping"),
        ({"caption": "@ClawdBot look", "photo": [{"file_id": "p"}],
          "caption_entities": [entity("mention", 0, 9)]}, "look"),
    ],
)  # fmt: skip
def test_who_is_meant_in_a_group(message: dict[str, Any], text: str) -> None:
    said = accepted(chat=GROUP, **message)
    assert (said.text, said.mentions_bot) == (text, True)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"text": "@ClawdBotX hi", "entities": [entity("mention", 0, 10)]}, "not_addressed"),
        ({"text": "@ClawdBot hi"}, "not_addressed"),  # not marked: somebody's plain letters
        ({"text": "x", "reply_to_message": {"from": {"id": 5}}}, "not_addressed"),
        ({"new_chat_members": [{"id": 1}]}, "not_addressed"),
        ({"text": "x", "from": {"id": 1087968824, "is_bot": True}}, "from_bot"),
    ],
)
def test_who_is_not(message: dict[str, Any], reason: str) -> None:
    received = receive(update(chat=GROUP, **message))
    assert (received.verdict, received.reason) == ("ignore", reason)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"update_id": 1, "my_chat_member": {}}, "unsupported_event"),
        ({"update_id": 1, "channel_post": {}}, "unsupported_event"),
        ({"update_id": 1, "edited_channel_post": {}}, "edited"),
        (update(sticker={"file_id": "s"}), "unsupported_type"),
        (
            {"update_id": 1, "callback_query": {"id": "q", "game_short_name": "g"}},
            "unsupported_event",
        ),
    ],
)
def test_what_is_not_for_us_is_ignored(event: Any, reason: str) -> None:
    received = receive(event)
    assert (received.verdict, received.http_status, received.reason) == ("ignore", 200, reason)


def test_files_are_named_with_what_is_known() -> None:
    sizes = [{"file_id": "s", "width": 9, "height": 9}, {"file_id": "l", "width": 90, "height": 90}]
    assert accepted(photo=sizes).attachments == [{"type": "image", "key": "l"}]
    document = {"file_id": "d", "file_name": "预算.xlsx", "mime_type": "a/b", "file_size": 7}
    said = accepted(document=document)
    assert said.kind == "file"
    assert said.attachments == [
        {"type": "file", "key": "d", "name": "预算.xlsx", "mime": "a/b", "size": 7}
    ]


@pytest.mark.parametrize("given", ["", "s3creT", "s3cret "])
def test_another_secret_is_refused(given: str) -> None:
    received = receive(update(text="x"), **{"X-Telegram-Bot-Api-Secret-Token": given})
    assert (received.verdict, received.http_status) == ("reject", 403)
    bare = TELEGRAM.receive({}, InboundRequest("POST", "/", {}, HEADERS, b"{}"), 0)
    assert bare.reason == "bad_signature"


@pytest.mark.parametrize(
    "event",
    [
        b"{", b"[]", {"message": {}}, {"update_id": "1"}, {"update_id": True, "message": {}},
        update(text="x", entities=[entity("mention", 0, 2)]),
        update(text="x", entities=[entity("mention", -1, 1)]),
        update(text="x", chat={"id": "1", "type": "private"}),
        update(text=5), update(text="x", message_id=None),
        update(voice={"duration": 1}),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_malformed(event: Any) -> None:
    received = receive(event)
    assert (received.verdict, received.http_status, received.reason) == ("reject", 400, "malformed")


_WORD = st.text(max_size=8)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _WORD,
    lambda some: st.lists(some, max_size=3) | st.dictionaries(_WORD, some, max_size=3),
    max_leaves=8,
)
_FIELDS = ["text", "entities", "from", "chat", "photo", "voice", "message_id", "reply_to_message"]


@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON, max_size=4))
def test_any_field_may_hold_anything(fields: dict[str, Any]) -> None:
    received = receive(update(**fields))
    assert received.http_status in {200, 400}
    for message in received.messages:
        assert isinstance(message.text, str)
        assert message.chat_id


def test_what_was_only_passed_on_is_told_apart() -> None:
    assert accepted(text="hi", forward_origin={"type": "user"}).extra["forwarded"] is True
    assert "forwarded" not in accepted(text="hi").extra
