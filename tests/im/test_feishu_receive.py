"""What Feishu sends, good and bad, beyond the golden cases."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.im.base import Inbound, InboundRequest, Received, get_platform
from apps.simulate.feishu_signer import Signer

NOW = 1795330800.0
SIGNER = Signer()
CONFIG = {
    "app_id": SIGNER.app_id,
    "encrypt_key": SIGNER.encrypt_key,
    "verification_token": SIGNER.verification_token,
    "bot_open_id": SIGNER.bot_open_id,
    "max_skew_s": 3600,
}
TOKEN_ONLY = CONFIG | {"encrypt_key": ""}
REASONS = {
    *("bad_signature", "missing_signature", "bad_token", "stale", "bad_timestamp"),
    *("bad_ciphertext", "receive_id_mismatch", "malformed", "too_large"),
    *("from_bot", "unsupported_event", "unsupported_type"),
}


def receive(
    body: bytes, headers: dict[str, str], config: dict[str, Any] | None = None, now: float = NOW
) -> Received:
    request = InboundRequest("POST", "/webhooks/feishu/f/", {"__raw__": ""}, headers, body)
    return get_platform("feishu").receive(CONFIG if config is None else config, request, now)


def push(event: Any, *, stamp: str = str(int(NOW)), **changes: Any) -> Received:
    body, headers = SIGNER.sign(event, stamp=stamp)
    return receive(body, headers, CONFIG | changes)


def only(received: Received) -> Inbound:
    assert received.verdict == "accept", received
    (message,) = received.messages
    return message


def refused(received: Received) -> tuple[str, int, str | None]:
    assert not received.messages
    return received.verdict, received.http_status, received.reason


# ---- what people write ----


def test_text_in_a_group_that_mentions_the_bot() -> None:
    message = only(
        push(
            SIGNER.message(
                {"text": "@_user_1   查 @_user_2 的日程 "},
                chat="oc_group",
                chat_type="group",
                mentions=[
                    SIGNER.at_bot(),
                    {"key": "@_user_2", "id": {"open_id": "ou_bob"}, "name": "张三"},
                ],
            )
        )
    )
    assert (message.text, message.mentions_bot, message.chat_type) == (
        "查 @张三 的日程",
        True,
        "group",
    )
    assert message.second_key == f"msg:{message.message_id}"


def test_lines_of_a_text_stay_lines() -> None:
    message = only(push(SIGNER.message({"text": "/echo a  b\r\n  c\n\n\n\nd"})))
    assert message.text == "/echo a b\nc\n\nd"


@pytest.mark.parametrize("mentions", [None, []])
def test_everybody_is_not_the_bot(mentions: list[Any] | None) -> None:
    event = SIGNER.message({"text": "@_all @_user_9 hi"}, chat_type="topic_group")
    event["event"]["message"]["mentions"] = mentions
    message = only(push(event))
    assert (message.text, message.mentions_bot) == ("@all @_user_9 hi", False)
    assert message.extra["mentioned_all"] is True
    assert message.chat_type == "group"


def test_placeholders_are_tokens_and_names_are_not_templates() -> None:
    mentions = [
        {"key": "@_user_1", "id": {"open_id": "ou_a"}, "name": "@_user_10"},
        {"key": "@_user_10", "id": {"open_id": "ou_b"}, "name": r"\1"},
    ]
    message = only(push(SIGNER.message({"text": "@_user_10 @_user_1"}, mentions=mentions)))
    assert message.text == r"@\1 @@_user_10"


def test_without_an_open_id_of_the_bot_nobody_is_the_bot() -> None:
    mentions = [{"key": "@_user_1", "id": {"open_id": ""}, "name": "x"}]
    event = SIGNER.message({"text": "@_user_1 hi"}, chat_type="group", mentions=mentions)
    assert only(push(event, bot_open_id="")).mentions_bot is False


def test_rich_text() -> None:
    content = {
        "title": "T",
        "content": [
            [
                {"tag": "at", "user_id": "@_user_1", "user_name": "ClawdBot"},
                {"tag": "text", "text": " see "},
                {"tag": "a", "href": "https://example.com", "text": "this"},
                {"tag": "emotion", "emoji_type": "SMILE"},
            ],
            [{"tag": "at", "user_id": "all", "user_name": "everybody"}],
            [{"tag": "media", "file_key": "file_v", "image_key": "img_x"}],
            [{"tag": "code_block", "language": "GO", "text": "x := 1"}],
            [{"tag": "at", "user_id": "ou_x", "user_name": "李四"}],
        ],
    }
    event = SIGNER.message(
        content, message_type="post", chat_type="group", mentions=[SIGNER.at_bot()]
    )
    message = only(push(event))
    assert message.text == "T\nsee this[SMILE]\n@all\n\nx := 1\n@李四"
    assert message.mentions_bot is True
    assert message.attachments == [{"type": "video", "key": "file_v"}]
    assert message.extra["links"] == ["https://example.com"]


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("image", {"image_key": "img_1"}, ("image", [{"type": "image", "key": "img_1"}])),
        (
            "media",
            {"file_key": "f", "image_key": "i", "file_name": "a.mp4", "duration": 900},
            ("file", [{"type": "video", "key": "f", "name": "a.mp4", "duration_ms": 900}]),
        ),
        ("location", {"name": "海珠", "latitude": "23.1", "longitude": "113.3"}, ("location", [])),
    ],
)
def test_other_kinds(kind: str, content: dict[str, Any], expected: tuple[str, Any]) -> None:
    message = only(push(SIGNER.message(content, message_type=kind)))
    assert (message.kind, message.attachments) == expected
    if kind == "location":
        assert (message.text, message.extra["lat"]) == ("海珠", 23.1)


@pytest.mark.parametrize(
    "kind", ["sticker", "merge_forward", "share_chat", "interactive", "system", "novelty"]
)
def test_kinds_that_we_cannot_use(kind: str) -> None:
    event = SIGNER.message({"file_key": "x"}, message_type=kind)
    assert refused(push(event)) == ("ignore", 200, "unsupported_type")


@pytest.mark.parametrize("latitude", ["nan", "inf", "1e400", "north", "", None, 23.1])
def test_places_that_are_nowhere(latitude: Any) -> None:
    content = {"name": "x", "latitude": latitude, "longitude": "113"}
    received = push(SIGNER.message(content, message_type="location"))
    assert refused(received) == ("reject", 400, "malformed")


def test_bots_are_not_answered() -> None:
    other = SIGNER.message({"text": "hi"}, sender_type="app", sender="ou_other_bot")
    own = SIGNER.message({"text": "hi"}, sender=SIGNER.bot_open_id)
    for event in (other, own):
        assert refused(push(event)) == ("ignore", 200, "from_bot")


# ---- clicks ----


def test_a_click_brings_the_buttons_token() -> None:
    received = push(SIGNER.click({"t": "2a.b.c.d"}, message_id="om_9", operator="ou_bob"))
    message = only(received)
    assert received.response == {}
    assert (message.kind, message.text, message.sender_id) == (
        "card_action",
        "",
        "ou_bob",
    )
    assert (message.extra["action"], message.extra["value"]) == ("2a.b.c.d", {"t": "2a.b.c.d"})
    assert (message.message_id, message.chat_id) == ("om_9", "oc_alice")
    # Every click on a card has the card's message id: it cannot tell two clicks apart.
    assert message.second_key is None
    assert message.dedupe_key.startswith("evt:")
    assert message.extra["token"].startswith("c-")
    assert (message.chat_type, message.mentions_bot) == (None, None)


@pytest.mark.parametrize(
    "value",
    [{"cmd": "/approve K7"}, {"action": "approve"}, {"t": 5}, None, ["/x"], 7, {"t": ["x"]}],
)
def test_a_click_without_a_token_says_nothing(value: Any) -> None:
    message = only(push(SIGNER.click(value, message_id="om_9")))
    assert (message.text, message.extra["value"], message.extra["action"]) == ("", value, "")


def test_a_value_that_is_a_string_is_the_token() -> None:
    """`action.value` comes as an object or as a string (oapi-sdk-python#112)."""
    message = only(push(SIGNER.click("2a.b.c.d", message_id="om_9")))
    assert message.extra["action"] == "2a.b.c.d"


def test_a_form_brings_what_was_typed_and_picked() -> None:
    typed = {"what": " tea ", "day": "2026-11-26 +0800", "at": "18:30 +0800", "n": 3, "no": None}
    click = SIGNER.click({"t": "2a.b.c.d"}, message_id="om_9", form=typed)
    message = only(push(click))
    assert (message.kind, message.text, message.extra["action"]) == ("form", "", "2a.b.c.d")
    assert message.extra["values"] == {
        "what": " tea ", "day": "2026-11-26", "at": "18:30", "n": "3", "no": "",
    }  # fmt: skip


# ---- the envelope ----


def test_a_token_alone_verifies_what_is_not_encrypted() -> None:
    event = SIGNER.message({"text": "hi"})
    body = json.dumps(event).encode()
    assert only(receive(body, {}, TOKEN_ONLY)).text == "hi"
    event["header"]["token"] = "vt_other"
    assert refused(receive(json.dumps(event).encode(), {}, TOKEN_ONLY))[2] == "bad_token"


@pytest.mark.parametrize("token", [None, "", 5, ["vt_stand"], "vt_stand ", "VT_STAND", "例"])
def test_tokens_that_are_not_the_token(token: Any) -> None:
    event = SIGNER.message({"text": "hi"})
    event["header"]["token"] = token
    assert refused(push(event)) == ("reject", 403, "bad_token")
    check = {"type": "url_verification", "challenge": "c", "token": token}
    assert refused(push(check)) == ("reject", 403, "bad_token")
    assert refused(receive(json.dumps(check).encode(), {}, TOKEN_ONLY))[2] == "bad_token"


def test_nothing_is_trusted_without_key_and_token() -> None:
    config = CONFIG | {"encrypt_key": "", "verification_token": ""}
    for event in (
        SIGNER.message({"text": "hi"}),
        {"type": "url_verification", "challenge": "c", "token": ""},
    ):
        assert refused(receive(json.dumps(event).encode(), {}, config))[2] == "bad_token"


def test_the_key_alone_is_enough() -> None:
    event = SIGNER.message({"text": "hi"})
    event["header"]["token"] = "whatever"
    assert only(push(event, verification_token="")).text == "hi"


def test_a_challenge_is_answered_word_for_word() -> None:
    check = {"type": "url_verification", "challenge": '"}, {"x', "token": "vt_stand"}
    received = push(check)
    assert (received.verdict, received.response) == ("challenge", {"challenge": '"}, {"x'})


def test_an_unsigned_challenge_must_be_encrypted_with_our_key() -> None:
    check = {"type": "url_verification", "challenge": "c", "token": "vt_stand"}
    assert refused(receive(json.dumps(check).encode(), {}))[2] == "missing_signature"
    body, _ = Signer(encrypt_key="another").sign(check)
    assert refused(receive(body, {}))[2] == "missing_signature"
    body, headers = SIGNER.sign(check, stamp=str(int(NOW)))
    assert receive(body, {}).verdict == "challenge"
    headers["X-Lark-Signature"] = "0" * 64
    assert refused(receive(body, headers))[2] == "bad_signature"


def test_clear_text_is_refused_while_a_key_is_set() -> None:
    body = json.dumps(SIGNER.message({"text": "hi"})).encode()
    assert refused(receive(body, {})) == ("reject", 403, "missing_signature")
    signed = SIGNER.headers(body, stamp=str(int(NOW)))
    assert refused(receive(body, signed)) == ("reject", 400, "malformed")


@pytest.mark.parametrize("name", ["Timestamp", "Nonce", "Signature"])
def test_each_header_is_needed(name: str) -> None:
    body, headers = SIGNER.sign(SIGNER.message({"text": "hi"}), stamp=str(int(NOW)))
    full = next(header for header in headers if header.endswith(name))
    assert refused(receive(body, headers | {full: ""}))[2] == "missing_signature"
    del headers[full]
    assert refused(receive(body, headers))[2] == "missing_signature"


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_header_names_have_no_case(change: Any) -> None:
    body, headers = SIGNER.sign(SIGNER.message({"text": "hi"}), stamp=str(int(NOW)))
    assert only(receive(body, {change(k): v for k, v in headers.items()})).text == "hi"


def test_tampering_is_seen() -> None:
    body, headers = SIGNER.sign(SIGNER.message({"text": "hi"}), stamp=str(int(NOW)))
    signature = headers["X-Lark-Signature"]
    other = ("0" if signature[-1] != "0" else "1").join([signature[:-1], ""])
    for changed_body, changed in (
        (body + b" ", {}),
        (body.replace(b'"encrypt"', b'"Encrypt"'), {}),
        (body, {"X-Lark-Signature": other}),
        (body, {"X-Lark-Signature": signature.upper()}),
        (body, {"X-Lark-Request-Nonce": "another"}),
        (body, {"X-Lark-Request-Timestamp": str(int(NOW) + 1)}),
        (body, {"X-Lark-Signature": "签名"}),
    ):
        assert refused(receive(changed_body, headers | changed))[2] == "bad_signature"


@pytest.mark.parametrize(
    ("offset", "reason"),
    [
        (0, None),
        (-3600, None),
        (3600, None),
        (-3601, "stale"),
        (3601, "stale"),
        (-(10**6), "stale"),
    ],
)
def test_the_clock_window(offset: int, reason: str | None) -> None:
    received = push(SIGNER.message({"text": "hi"}), stamp=str(int(NOW) + offset))
    assert received.reason == reason
    assert received.http_status == (403 if reason else 200)


@pytest.mark.parametrize(
    "stamp",
    ["abc", "1795330800.0", "-1795330800", "１７９５３３０８００", "0x10", "1e9", "9" * 400],
)
def test_stamps_that_are_no_numbers(stamp: str) -> None:
    received = push(SIGNER.message({"text": "hi"}), stamp=stamp)
    assert refused(received) == ("reject", 403, "bad_timestamp")


def test_the_window_is_a_setting() -> None:
    stamp = str(int(NOW) - 100)
    assert push(SIGNER.message({"text": "hi"}), stamp=stamp, max_skew_s=60).reason == "stale"
    assert push(SIGNER.message({"text": "hi"}), stamp=stamp, max_skew_s=100).reason is None


@pytest.mark.parametrize(
    "wrapped",
    ["", "not base64!", "YWJj", base64.b64encode(bytes(16)).decode(),
     base64.b64encode(bytes(33)).decode(), base64.b64encode(bytes(48)).decode()],
)  # fmt: skip
def test_ciphertexts_that_do_not_open(wrapped: str) -> None:
    body = json.dumps({"encrypt": wrapped}).encode()
    received = receive(body, SIGNER.headers(body, stamp=str(int(NOW))))
    assert refused(received) == ("reject", 400, "bad_ciphertext")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{}", b'{"encrypt":5}', b'{"encrypt":"a","encrypt":"b"}', b"\xff\xfe",
     b'\xef\xbb\xbf{"encrypt":"YQ=="}', b'{"encrypt":NaN}', b'{"encrypt":"\\ud800"}',
     b"[" * 100 + b"]" * 100, b'{"encrypt":"\\u0000"}'],
)  # fmt: skip
def test_bodies_that_are_malformed(body: bytes) -> None:
    received = receive(body, SIGNER.headers(body, stamp=str(int(NOW))))
    assert refused(received) == ("reject", 400, "malformed")
    assert refused(receive(body, {}))[2] == "missing_signature"
    assert received.http_status == 400


@pytest.mark.parametrize(
    "plain",
    ["", "hello", "[]", '{"header":5,"token":"vt_stand"}', '{"a":NaN}', '{"a":1,"a":2}',
     '{"a":"\\ud800"}', "{" + '"a":{' * 70 + "}" * 71, '\ufeff{"a":1}'],
)  # fmt: skip
def test_plaintexts_that_are_malformed(plain: str) -> None:
    assert refused(push(plain, verification_token="")) == ("reject", 400, "malformed")


def drop(event: dict[str, Any], path: str) -> dict[str, Any]:
    at: Any = event
    *folders, last = path.split(".")
    for name in folders:
        at = at[name]
    del at[last]
    return event


@pytest.mark.parametrize(
    "path",
    ["header.event_id", "header.event_type", "event.sender", "event.sender.sender_id",
     "event.sender.sender_id.open_id", "event.message", "event.message.message_id",
     "event.message.chat_id", "event.message.chat_type", "event.message.message_type",
     "event.message.content", "event"],
)  # fmt: skip
def test_fields_that_must_be_there(path: str) -> None:
    event = drop(SIGNER.message({"text": "hi"}), path)
    assert refused(push(event)) == ("reject", 400, "malformed")


@pytest.mark.parametrize(
    "path",
    ["event.operator", "event.operator.open_id", "event.action", "event.context",
     "event.context.open_message_id", "event.context.open_chat_id", "header.event_id"],
)  # fmt: skip
def test_fields_of_a_click_that_must_be_there(path: str) -> None:
    event = drop(SIGNER.click({"cmd": "/x"}, message_id="om_1"), path)
    assert refused(push(event)) == ("reject", 400, "malformed")


@pytest.mark.parametrize("content", ["{}", "no json", '{"text":5}', '{"text":null}', "[]", '"x"'])
def test_content_that_is_no_text(content: str) -> None:
    event = SIGNER.message({"text": "hi"})
    event["event"]["message"]["content"] = content
    assert refused(push(event)) == ("reject", 400, "malformed")


def test_an_id_too_long_for_us_is_malformed() -> None:
    event = SIGNER.message({"text": "hi"}, message_id="om_" + "x" * 200)
    assert refused(push(event))[2] == "malformed"


@pytest.mark.parametrize(
    "kind", ["im.message.reaction.created_v1", "im.chat.member.bot.added_v1", "x", ""]
)
def test_events_that_we_do_not_use(kind: str) -> None:
    event = SIGNER.event(kind, {})
    assert refused(push(event)) == ("ignore", 200, "unsupported_event")


def test_the_old_envelope_is_not_used() -> None:
    event = {
        "uuid": "u1",
        "token": "vt_stand",
        "ts": "1",
        "type": "event_callback",
        "event": {"type": "message", "text": "hi", "open_id": "ou_alice"},
    }
    assert refused(push(event)) == ("ignore", 200, "unsupported_event")
    assert refused(push(event | {"token": "x"}))[2] == "bad_token"


def test_an_event_of_another_app_is_refused() -> None:
    event = SIGNER.message({"text": "hi"})
    event["header"]["app_id"] = "cli_other"
    assert refused(push(event)) == ("reject", 403, "receive_id_mismatch")


def test_size_is_looked_at_first() -> None:
    body = b"x" * (1024 * 1024)
    assert refused(receive(body, {}))[2] == "missing_signature"
    assert refused(receive(body + b"x", {})) == ("reject", 413, "too_large")


# ---- whatever comes, a declared verdict ----


def judged(received: Received) -> None:
    assert received.verdict in {"accept", "ignore", "challenge", "reject"}
    if received.verdict in {"reject", "ignore"}:
        assert received.reason in REASONS
        assert not received.messages
    assert received.http_status in {200, 400, 403, 413}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
EVENTS: list[dict[str, Any]] = [
    SIGNER.message({"text": "@_user_1 hi"}, mentions=[SIGNER.at_bot()], message_id="om_1"),
    SIGNER.message(
        {"title": "t", "content": [[{"tag": "text", "text": "x"}]]}, message_type="post"
    ),
    SIGNER.click({"cmd": "/x"}, message_id="om_1"),
]


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    inner = value.items() if isinstance(value, dict) else ()
    return found + [path for name, one in inner for path in paths(one, (*at, name))]


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(EVENTS), JSON)
def test_any_field_may_hold_anything(data: st.DataObject, event: Any, value: Any) -> None:
    path = data.draw(st.sampled_from(paths(event)))
    changed = json.loads(json.dumps(event))
    at = changed
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    text = json.dumps(changed)
    judged(push(text))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 400), st.integers(0, 60))
def test_any_bytes_may_come(junk: bytes, at: int, cut: int) -> None:
    body, _ = SIGNER.sign(EVENTS[0])
    mutated = body[:at] + junk + body[at + cut :]
    judged(receive(mutated, SIGNER.headers(mutated, stamp=str(int(NOW)))))
    judged(receive(mutated, {}))
    judged(receive(mutated, {}, TOKEN_ONLY))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(
    ["X-Lark-Request-Timestamp", "X-Lark-Request-Nonce", "X-Lark-Signature"]), st.text(max_size=20)
))  # fmt: skip
def test_any_headers_may_come(headers: dict[str, str]) -> None:
    body, good = SIGNER.sign(EVENTS[0], stamp=str(int(NOW)))
    judged(receive(body, headers))
    judged(receive(body, good | headers))
