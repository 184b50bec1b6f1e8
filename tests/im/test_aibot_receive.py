"""What WeCom's AI bots are told: messages, mentions, clicks, events, polls, and what is hostile."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.im.base import InboundRequest, Received
from apps.simulate.aibot_seal import Sealer
from tests.im.aibot import AIBOT

NOW = 1_795_330_800
SEALER = Sealer()
CONFIG: dict[str, Any] = {
    "token": SEALER.token,
    "encoding_aes_key": SEALER.encoding_aes_key,
    "aibot_id": "AIBOT1",
    "bot_name": "Robot",
    "max_skew_s": 600,
}
URL = "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=RC"
BASE: dict[str, Any] = {
    "msgid": "m1",
    "aibotid": "AIBOT1",
    "chattype": "single",
    "from": {"userid": "zhangsan"},
    "response_url": URL,
    "msgtype": "text",
    "text": {"content": "hello"},
}
GROUP = BASE | {"chattype": "group", "chatid": "wr1"}


def push(body: Any, now: int = NOW, config: dict[str, Any] | None = None, **how: str) -> Received:
    sealed, query = SEALER.seal(body, stamp=str(how.get("stamp", NOW)), nonce="n0nce")
    return AIBOT.receive(config or CONFIG, InboundRequest("POST", "/", query, {}, sealed), now)


def text(body: dict[str, Any], words: str) -> Received:
    return push(body | {"text": {"content": words}})


def test_a_message_has_a_stream_an_address_and_a_time() -> None:
    message = push(BASE).messages[0]
    assert message.extra["arrived"] == NOW
    assert message.extra["response_url"] == URL
    assert message.extra["stream_id"] == push(BASE, NOW + 30).messages[0].extra["stream_id"]
    assert set(AIBOT.context_keys) >= {"stream_id", "response_url", "arrived"}


def test_streams_of_different_bots_and_messages_differ() -> None:
    one = push(BASE).messages[0].extra["stream_id"]
    other = push(BASE | {"msgid": "m2"}).messages[0].extra["stream_id"]
    third = push(BASE, config=CONFIG | {"aibot_id": ""}).messages[0].extra["stream_id"]
    assert len({one, other, third}) == 3


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("@Robot /ping", "/ping"),
        ("@Robot\u2005今天  的\t待办 ", "今天 的 待办"),
        ("帮我 @Robot 查一下", "帮我 查一下"),
        ("@Robot2 /ping", "@Robot2 /ping"),
        ("mail a@Robot now", "mail a@Robot now"),
        ("@Robot", ""),
        ("@Robot\n/ping\n\n\n\nmore", "/ping\n\nmore"),
        ("@Robot @Robot hi", "@Robot hi"),
    ],
)
def test_the_mention_of_the_bot_is_taken_off(words: str, left: str) -> None:
    message = text(GROUP, words).messages[0]
    assert message.text == left
    assert message.mentions_bot is True
    assert (message.chat_id, message.chat_type) == ("wr1", "group")


@pytest.mark.parametrize("name", ["A.B*C", "R(o)bot+", "机器人[1]", "^$", "a b c", "\\d"])
def test_a_name_may_hold_anything(name: str) -> None:
    config = CONFIG | {"bot_name": name}
    body = GROUP | {"text": {"content": f"@{name} /ping"}}
    assert push(body, config=config).messages[0].text == "/ping"
    other = GROUP | {"text": {"content": "@axbxxc /ping"}}
    assert push(other, config=config).messages[0].text == "@axbxxc /ping"


def test_without_a_name_the_first_mention_in_a_group_is_the_bots() -> None:
    config = CONFIG | {"bot_name": ""}
    body = GROUP | {"text": {"content": "@Whoever /ping @Bob"}}
    assert push(body, config=config).messages[0].text == "/ping @Bob"
    alone = BASE | {"text": {"content": "@Bob hi"}}
    assert push(alone, config=config).messages[0].text == "@Bob hi"


def test_files_and_pictures() -> None:
    image = {"msgtype": "image", "image": {"url": "https://x.myqcloud.com/a?sign=1 "}}
    message = push(BASE | image).messages[0]
    assert (message.kind, message.text) == ("image", "")
    url = "https://x.myqcloud.com/a?sign=1"
    assert message.attachments == [{"type": "image", "url": url, "encrypted": True}]
    file = {"msgtype": "file", "file": {"url": url, "filename": "报告.pdf"}}
    message = push(BASE | file).messages[0]
    assert message.kind == "file"
    assert message.attachments[0]["name"] == "报告.pdf"


def test_a_quote_is_kept_apart_from_the_words() -> None:
    quote = {"msgtype": "text", "text": {"content": "/delete all"}}
    message = push(BASE | {"quote": quote}).messages[0]
    assert message.text == "hello"
    assert message.extra["quote"] == {"kind": "text", "text": "/delete all"}


def test_a_kind_that_is_unknown_is_answered_with_nothing() -> None:
    received = push(BASE | {"msgtype": "location"})
    assert (received.verdict, received.reason, received.body) == ("ignore", "unsupported_type", "")


def test_a_poll_is_a_question() -> None:
    received = push(BASE | {"msgtype": "stream", "stream": {"id": "s1"}})
    assert (received.verdict, received.http_status) == ("control", 200)
    assert received.question["stream_id"] == "s1"
    assert received.messages == ()


def click(**changes: Any) -> dict[str, Any]:
    card = {"card_type": "button_interaction", "event_key": "tok.en", "task_id": "t1"} | changes
    event = {"eventtype": "template_card_event", "template_card_event": card}
    return GROUP | {"msgtype": "event", "event": event}


def test_a_click_brings_the_token_and_an_address_of_its_own() -> None:
    received = push(click())
    (message,) = received.messages
    assert (message.kind, message.text, message.mentions_bot) == ("card_action", "", None)
    assert message.extra["action"] == "tok.en"
    assert message.extra["response_url"] == URL
    assert "stream_id" not in message.extra
    assert received.body == ""  # nothing else is taken here, within five seconds


def test_a_form_brings_what_was_chosen() -> None:
    chosen = {"selected_item": [{"question_key": "day", "option_ids": {"option_id": ["mon"]}}]}
    (message,) = push(click(selected_items=chosen)).messages
    assert message.kind == "form"
    assert message.extra["values"] == {"day": "mon"}


def test_entering_the_chat_is_greeted() -> None:
    body = {name: BASE[name] for name in ("msgid", "aibotid", "from")}
    received = push(body | {"msgtype": "event", "event": {"eventtype": "enter_chat"}})
    (message,) = received.messages
    assert (message.kind, message.chat_id, message.chat_type) == ("event", "zhangsan", "private")
    assert message.extra["event"] == "enter_chat"
    answer = SEALER.open(json.dumps(received.response).encode(), "n0nce")
    assert answer["msgtype"] == "text"


def test_feedback_takes_an_empty_answer_only() -> None:
    event = {"eventtype": "feedback_event", "feedback_event": {"id": "f1", "type": 2}}
    received = push(GROUP | {"msgtype": "event", "event": event})
    assert (received.verdict, received.body) == ("accept", "")
    assert received.messages[0].extra["feedback"] == {"id": "f1", "type": 2}
    unknown = push(GROUP | {"msgtype": "event", "event": {"eventtype": "new"}})
    assert (unknown.verdict, unknown.reason) == ("ignore", "unsupported_event")


@pytest.mark.parametrize(
    "url",
    [
        "http://qyapi.weixin.qq.com/x",
        "https://qyapi.weixin.qq.com.evil.example/x",
        "https://qyapi.weixin.qq.com:8443/x",
        "https://user@qyapi.weixin.qq.com/x",
        "https://evil.example/?https://qyapi.weixin.qq.com",
        "https://127.0.0.1/x",
        "gopher://qyapi.weixin.qq.com/",
        "javascript:alert(1)",
    ],
)
def test_an_address_that_leads_elsewhere_is_dropped(url: str) -> None:
    message = push(BASE | {"response_url": url}).messages[0]
    assert message.extra["response_url"] is None
    assert message.extra["response_url_rejected"] is True


def test_an_address_at_the_configured_api_is_kept() -> None:
    config = CONFIG | {"api_base": "http://127.0.0.1:9401"}
    mine = "http://127.0.0.1:9401/cgi-bin/aibot/response?response_code=1"
    kept = push(BASE | {"response_url": mine}, config=config).messages[0]
    assert kept.extra["response_url"] == mine
    near = push(BASE | {"response_url": mine.replace("9401", "9402")}, config=config).messages[0]
    assert near.extra["response_url"] is None


def test_another_bots_message_is_not_ours() -> None:
    received = push(BASE | {"aibotid": "OTHER"})
    assert (received.verdict, received.reason) == ("reject", "receive_id_mismatch")


def test_the_check_of_the_address() -> None:
    sealed = SEALER.encrypt(b"1616140317555161061")
    query = {"timestamp": str(NOW), "nonce": "n", "echostr": sealed}
    query["msg_signature"] = SEALER.sign(str(NOW), "n", sealed)
    received = AIBOT.receive(CONFIG, InboundRequest("GET", "/", query, {}, b""), NOW)
    assert (received.verdict, received.body) == ("challenge", "1616140317555161061")
    forged = query | {"msg_signature": "0" * 40}
    received = AIBOT.receive(CONFIG, InboundRequest("GET", "/", forged, {}, b""), NOW)
    assert (received.verdict, received.reason) == ("reject", "bad_signature")


@pytest.mark.parametrize(
    ("body", "reason", "status"),
    [
        (b"", "malformed", 400),
        (b"{", "malformed", 400),
        (b"[]", "malformed", 400),
        (b'{"encrypt": 7}', "malformed", 400),
        (b'{"encrypt": "x"}', "bad_signature", 403),
        (b'{"encrypt": "x", "encrypt": "y"}', "malformed", 400),
    ],
)
def test_hostile_bodies(body: bytes, reason: str, status: int) -> None:
    query = {"msg_signature": "0" * 40, "timestamp": str(NOW), "nonce": "n"}
    received = AIBOT.receive(CONFIG, InboundRequest("POST", "/", query, {}, body), NOW)
    assert (received.verdict, received.reason, received.http_status) == ("reject", reason, status)


def test_missing_stamps_and_wrong_clocks() -> None:
    sealed, query = SEALER.seal(BASE, stamp=str(NOW))
    for name in query:
        less = {k: v for k, v in query.items() if k != name}
        received = AIBOT.receive(CONFIG, InboundRequest("POST", "/", less, {}, sealed), NOW)
        assert received.reason == "missing_signature"
    assert push(BASE, NOW + 600).verdict == "accept"
    assert push(BASE, NOW + 601).reason == "stale"
    assert push(BASE, stamp="soon").reason == "bad_timestamp"


@pytest.mark.parametrize("config", [{}, {"token": ""}, {"encoding_aes_key": "short"}])
def test_without_keys_nothing_is_believed(config: dict[str, Any]) -> None:
    broken = (CONFIG | config) if config else {}
    assert push(BASE, config=broken or {"x": 1}).verdict == "reject"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
BODIES = [
    BASE,
    GROUP,
    click(),
    BASE | {"msgtype": "mixed", "mixed": {"msg_item": [{"msgtype": "text"}]}},
    BASE | {"msgtype": "image", "image": {"url": "u"}, "quote": {"msgtype": "voice"}},
    BASE | {"msgtype": "stream", "stream": {"id": "s"}},
]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(BODIES), st.data(), json_values)
def test_signed_mutations_are_judged_and_never_raise(
    body: dict[str, Any], data: st.DataObject, value: Any
) -> None:
    changed = json.loads(json.dumps(body))
    place, name = changed, data.draw(st.sampled_from(sorted(changed)))
    while isinstance(place[name], dict) and place[name] and data.draw(st.booleans()):
        place = place[name]
        name = data.draw(st.sampled_from(sorted(place)))
    if data.draw(st.booleans()):
        place[name] = value
    else:
        del place[name]
    try:
        sealed = json.dumps(changed)
    except ValueError:
        return
    received = push(sealed)
    assert received.http_status in {200, 400, 403}
    for message in received.messages:
        assert message.sender_id
        assert message.chat_id
        assert len(message.dedupe_key) <= 250


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.dictionaries(st.text(max_size=15), st.text(max_size=40)))
def test_noise_is_refused(body: bytes, query: dict[str, str]) -> None:
    received = AIBOT.receive(CONFIG, InboundRequest("POST", "/", query, {}, body), time.time())
    assert received.verdict == "reject"


def test_a_long_connection_needs_its_secret() -> None:
    adapter = AIBOT
    (problem,) = adapter.can_enable({"connection": "stream", "aibot_id": "b1"})
    assert "secret" in problem.en
    assert not adapter.can_enable({"connection": "stream", "aibot_id": "b1", "secret": "s"})
