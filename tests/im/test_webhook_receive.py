"""Your own system's messages: signed by the Standard Webhooks convention, or refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.im import standard_webhooks
from apps.im.base import InboundRequest, Received, get_platform
from apps.simulate.webhook import SECRET, message, sign, signed

NOW = 1795330800.0
STAMP = str(int(NOW))
CONFIG = {"secret": SECRET, "reply_url": "http://127.0.0.1/r", "max_skew_s": 300}


def receive(body: bytes, headers: dict[str, str], **config: Any) -> Received:
    request = InboundRequest("POST", "/webhooks/webhook/w/", {}, headers, body)
    return get_platform("webhook").receive(CONFIG | config, request, NOW)


def push(body: Any, *, stamp: str = STAMP, event_id: str = "e1", **config: Any) -> Received:
    return receive(*signed(body, stamp=stamp, event_id=event_id), **config)


# Our own vectors, computed with openssl:
#   printf '%s' 'msg_1.1795330800.{"a":1}' | openssl dgst -sha256 -mac HMAC \
#     -macopt hexkey:000102...1f -binary | base64
VECTOR_KEY = bytes(range(32))


@pytest.mark.parametrize(
    ("event_id", "stamp", "body", "signature"),
    [
        ("msg_1", "1795330800", b'{"a":1}', "v1,ZFipTVuJ+Xgqd9iT0zAAt0okb/kDT8gthr1kslx+uog="),
        ("", "0", b"", "v1,K6MgMNC8rkXzd7W8BpQp3FLUW9ErRX1Mko/d/9Hp/Q4="),
        ("消息", "1795330800", "汉字".encode(), "v1,y8l3NcvmhXq2TvpJUnjSLwM25HbRw+KSGcKbwh7skFE="),
    ],
)
def test_vectors(event_id: str, stamp: str, body: bytes, signature: str) -> None:
    assert standard_webhooks.sign(VECTOR_KEY, event_id, stamp, body) == signature
    assert sign("whsec_" + base64.b64encode(VECTOR_KEY).decode(), event_id, stamp, body) == (
        signature
    )
    assert standard_webhooks.verify(VECTOR_KEY, event_id, stamp, body, signature)


def test_a_message_is_accepted() -> None:
    received = push(message("  /ping ", id="m1"), event_id="evt-1")
    assert (received.verdict, received.http_status) == ("accept", 202)
    assert received.response == {"status": "accepted", "message_id": "m1"}
    (one,) = received.messages
    assert (one.kind, one.text, one.message_id) == ("text", "/ping", "m1")
    assert (one.dedupe_key, one.second_key) == ("evt:evt-1", "msg:m1")
    assert (one.sender_id, one.sender_name, one.chat_id) == ("u-alice", "Alice", "c-alice")
    assert (one.chat_type, one.mentions_bot) == ("private", False)


def test_a_group_counts_as_addressed() -> None:
    (one,) = push(message("hi", conversation={"id": "g", "type": "group"})).messages
    assert (one.chat_type, one.mentions_bot) == ("group", True)


def test_a_click_brings_the_token_of_its_button() -> None:
    body = message("typed", action="2a.b.k.m", conversation={"id": "g", "type": "group"})
    (one,) = push(body).messages
    assert (one.kind, one.text, one.extra) == ("card_action", "", {"action": "2a.b.k.m"})
    assert (one.sender_id, one.chat_id, one.chat_type) == ("u-alice", "g", "group")
    del body["text"]
    assert push(body).messages[0].kind == "card_action"


def test_a_form_brings_what_was_filled_in() -> None:
    (one,) = push(message("", action="2a.b.k.m", values={"what": " tea ", "n": ""})).messages
    assert (one.kind, one.text) == ("form", "")
    assert one.extra == {"action": "2a.b.k.m", "values": {"what": " tea ", "n": ""}}


@pytest.mark.parametrize("action", ["", None])
def test_without_an_action_it_is_a_message(action: Any) -> None:
    (one,) = push(message("/ping", action=action, values={"what": "tea"})).messages
    assert (one.kind, one.text, one.extra) == ("text", "/ping", {})


@pytest.mark.parametrize(
    "change",
    [{"action": 1}, {"action": ["x"]}, {"action": "x", "values": []},
     {"action": "x", "values": {"a": 1}}, {"action": "x", "values": {"a": None}}],
)  # fmt: skip
def test_odd_clicks_are_malformed(change: dict[str, Any]) -> None:
    received = push(message("", **change))
    assert (received.verdict, received.reason) == ("reject", "malformed")


def test_white_space_inside_a_text_stays() -> None:
    (one,) = push(message("/echo a  b\n  c")).messages
    assert one.text == "/echo a  b\n  c"


def test_further_keys_are_allowed() -> None:
    body = message("hi") | {"more": [1], "sender": {"id": "u", "name": None, "mail": "x"}}
    assert push(body).verdict == "accept"


def test_one_of_several_signatures_is_enough() -> None:
    raw, headers = signed(message("hi"), stamp=STAMP)
    good = headers["Webhook-Signature"]
    wrong = "v1," + base64.b64encode(bytes(32)).decode()
    for listed in (f"{wrong} {good}", f"v1a,xyz {good}", f" {good} ", f"{good} {good}"):
        assert receive(raw, headers | {"Webhook-Signature": listed}).verdict == "accept"
    for listed in (
        wrong,
        good[3:],
        "v2," + good[3:],
        good.replace("v1,", "V1,"),
        good + ",",
        good[:-1],
    ):
        received = receive(raw, headers | {"Webhook-Signature": listed})
        assert (received.reason, received.http_status) == ("bad_signature", 403)


def test_header_names_have_no_case() -> None:
    raw, headers = signed(message("hi"), stamp=STAMP)
    assert receive(raw, {k.upper(): v for k, v in headers.items()}).verdict == "accept"


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_each_header_is_needed(name: str) -> None:
    raw, headers = signed(message("hi"), stamp=STAMP)
    del headers[name]
    assert receive(raw, headers).reason == "missing_signature"


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp"])
def test_what_is_signed_cannot_be_changed(name: str) -> None:
    raw, headers = signed(message("hi"), stamp=STAMP)
    assert receive(raw, headers | {name: headers[name] + "0"}).reason == "bad_signature"
    assert receive(raw + b" ", headers).reason == "bad_signature"


@pytest.mark.parametrize(
    ("stamp", "reason"),
    [
        (STAMP, None),
        (str(int(NOW) - 300), None),
        (str(int(NOW) + 300), None),
        (str(int(NOW) - 301), "stale"),
        (str(int(NOW) + 301), "stale"),
        ("soon", "bad_timestamp"),
        (f"{STAMP}.0", "bad_timestamp"),
        ("１７９５３３０８００", "bad_timestamp"),
    ],
)
def test_the_clock(stamp: str, reason: str | None) -> None:
    assert push(message("hi"), stamp=stamp).reason == reason


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_!!!!", "plain words", "whsec_" + base64.b64encode(b"short").decode()],
)
def test_a_secret_that_is_no_key_lets_nothing_in(secret: str) -> None:
    assert push(message("hi"), secret=secret).reason == "bad_signature"
    assert get_platform("webhook").can_enable({"secret": secret})


def test_the_prefix_of_a_secret_may_be_missing() -> None:
    assert push(message("hi"), secret=SECRET.removeprefix("whsec_")).verdict == "accept"
    assert not get_platform("webhook").can_enable({"secret": SECRET})


GOOD = message("hi", id="m1")


@pytest.mark.parametrize(
    "change",
    [{"id": 5}, {"id": ""}, {"id": "x" * 201}, {"id": None}, {"text": None}, {"text": 5},
     {"sender": "u"}, {"sender": {}}, {"sender": {"id": 1}}, {"sender": {"id": "u", "name": 5}},
     {"sender": {"id": "u", "name": "x" * 201}}, {"sender": {"id": ""}}, {"conversation": None},
     {"conversation": {"id": "c"}}, {"conversation": {"id": "c", "type": "channel"}},
     {"conversation": {"id": 1, "type": "group"}}],
)  # fmt: skip
def test_bodies_with_a_wrong_field(change: dict[str, Any]) -> None:
    received = push(GOOD | change)
    assert (received.verdict, received.http_status, received.reason) == (
        "reject",
        400,
        "malformed",
    )


@pytest.mark.parametrize("name", ["id", "sender", "conversation", "text"])
def test_bodies_without_a_field(name: str) -> None:
    assert push({k: v for k, v in GOOD.items() if k != name}).reason == "malformed"


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{", b"\xff", b'{"id":NaN}', b'{"id":"a","id":"b"}', b"\xef\xbb\xbf{}",
     b"[" * 70 + b"]" * 70],
)  # fmt: skip
def test_bodies_that_are_no_json(raw: bytes) -> None:
    assert push(raw).reason == "malformed"


def test_an_event_id_too_long_for_us_is_malformed() -> None:
    assert push(GOOD, event_id="e" * 201).reason == "malformed"


def test_size_is_looked_at_first() -> None:
    assert receive(b"x" * (1024 * 1024 + 1), {}).http_status == 413


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200)
    | st.dictionaries(st.sampled_from(list(GOOD)), st.none() | st.text(max_size=9)).map(
        lambda change: json.dumps(GOOD | change).encode()
    ),
    st.booleans(),
)
def test_whatever_comes_is_judged(raw: bytes, with_headers: bool) -> None:
    received = receive(*(signed(raw, stamp=STAMP) if with_headers else (raw, {})))
    assert received.verdict in {"accept", "reject"}
    assert received.http_status in {202, 400, 403, 413}


@pytest.mark.parametrize("name", ["web", "cli"])
def test_the_built_in_platforms_take_no_webhooks(name: str) -> None:
    raw, headers = signed(GOOD, stamp=STAMP)
    request = InboundRequest("POST", "/", {}, headers, raw)
    received = get_platform(name).receive(CONFIG, request, NOW)
    assert (received.verdict, received.http_status) == ("reject", 403)


def test_a_nul_in_the_event_id_is_malformed() -> None:
    assert push(GOOD, event_id="e\0").reason == "malformed"
