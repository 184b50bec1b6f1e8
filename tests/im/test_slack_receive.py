"""What Slack sends, good and bad, beyond the golden cases."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.im.base import Inbound, InboundRequest, Received, get_platform
from apps.simulate.desk import Push, Seen
from apps.simulate.slack import SlackStand
from apps.simulate.slack_people import BOT_USER, FORM, GROUP, PEOPLE, sign

NOW = 1795330800.0
SLACK = get_platform("slack")
STAND = SlackStand()  # its people only: it never listens
CONFIG = STAND.config()
ALICE = PEOPLE["alice"]
REASONS = {
    *("bad_signature", "missing_signature", "stale", "bad_timestamp", "malformed", "too_large"),
    *("from_bot", "not_addressed", "ssl_check"),
    *("unsupported_event", "unsupported_subtype"),
}


def receive(push: Push, config: dict[str, Any] | None = None, now: float | None = None) -> Received:
    stamp = float(push.headers.get("X-Slack-Request-Timestamp", NOW))
    request = InboundRequest("POST", "/webhooks/slack/s/", {}, push.headers, push.body)
    return SLACK.receive(CONFIG if config is None else config, request, now or stamp)


def only(received: Received) -> Inbound:
    assert received.verdict == "accept", received
    (message,) = received.messages
    return message


def refused(received: Received) -> tuple[str, int, str | None]:
    assert not received.messages
    return received.verdict, received.http_status, received.reason


def changed(push: Push, **event: Any) -> Push:
    """The push with other fields in its event; None takes one away."""
    whole = json.loads(push.body)
    inner = whole["event"] | event
    whole["event"] = {name: value for name, value in inner.items() if value is not None}
    return signed(whole)


def signed(body: Any, kind: str = "application/json") -> Push:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Push(raw, STAND.headers(raw, kind))


def pressed(**changes: Any) -> dict[str, Any]:
    action = {"type": "button", "action_id": "button:0", "block_id": "b", "value": "token"}
    container = {"type": "message", "message_ts": "1.000001", "channel_id": GROUP}
    return {"type": "block_actions", "container": container, "actions": [action]} | changes


# ---- what people write ----


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (f"<@{BOT_USER}> 查询 <@U0BOB> &amp; 1 &lt; 2", "查询 <@U0BOB> & 1 < 2"),
        (f"hello<@{BOT_USER}|clawd>/ping", "hello /ping"),
        (f"<@{BOT_USER}X> hi <@{BOT_USER}>", f"<@{BOT_USER}X> hi"),
    ],
)
def test_text_in_a_channel_that_mentions_the_bot(raw: str, text: str) -> None:
    push = changed(STAND.say("x", group=True, mention=False), text=raw)
    message = only(receive(push))
    assert (message.text, message.mentions_bot, message.chat_type) == (text, True, "group")


@pytest.mark.parametrize(
    "raw", [f"&lt;@{BOT_USER}&gt;", "<@U0BOB|bob>, <#C1|general>", f"<@{BOT_USER}X>", "hello"]
)
def test_talk_among_people_is_not_ours(raw: str) -> None:
    push = changed(STAND.say("x", group=True, mention=False), text=raw)
    assert refused(receive(push)) == ("ignore", 200, "not_addressed")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (" a   b\n\n\n\nc ", "a b\n\nc"),
        (
            "<https://a.example|site> <https://a.example/?a=1&amp;b=2>",
            "site https://a.example/?a=1&b=2",
        ),
        ("<mailto:a@b.c|a@b.c> <tel:+861|+861> <mailto:c@d.e>", "a@b.c +861 c@d.e"),
        ("<#C1|general> <#C2>", "#general #C2"),
        ("<!here> <!channel|channel> <!everyone>", "@here @channel @everyone"),
        ("<!subteam^S1|@ops> <!subteam^S2>", "@ops subteam^S2"),
        ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
        (f"&lt;@{BOT_USER}&gt; &amp;lt; &lt;", f"<@{BOT_USER}> &lt; <"),
        ("a &gt; b <", "a > b <"),
    ],
)
def test_text_in_private(raw: str, text: str) -> None:
    message = only(receive(changed(STAND.say("x"), text=raw)))
    assert (message.text, message.mentions_bot, message.chat_type) == (text, False, "private")


def test_what_a_link_hides_is_kept() -> None:
    message = only(receive(changed(STAND.say("x"), text="<https://a.example/?a&amp;b|site>")))
    assert (message.text, message.extra["links"]) == ("site", ["https://a.example/?a&b"])


@pytest.mark.parametrize("call", ["<!here>", "<!channel>", "<!everyone>", "<!subteam^S1|@all>"])
def test_calling_everybody_is_no_mention(call: str) -> None:
    push = changed(STAND.say_to_all("lunch"), text=f"{call} lunch")
    assert refused(receive(push)) == ("ignore", 200, "not_addressed")


@pytest.mark.parametrize("kind", ["channel", "group", "mpim"])
def test_every_conversation_of_several_is_a_group(kind: str) -> None:
    text = f"<@{BOT_USER}> hi"
    push = changed(STAND.say("x", group=True), type="message", channel_type=kind, text=text)
    assert only(receive(push)).chat_type == "group"


def test_the_twin_of_a_mention_has_the_same_second_key() -> None:
    push = STAND.say("/ping", group=True)
    first, second = only(receive(push)), only(receive(STAND.twin(push)))
    assert (first.text, first.mentions_bot) == (second.text, second.mentions_bot) == ("/ping", True)
    assert first.dedupe_key != second.dedupe_key
    assert first.second_key == second.second_key == f"msg:{GROUP}:{push.message_id}"


def test_a_retry_is_the_same_event() -> None:
    push = STAND.say("/ping")
    again = STAND.again(push)
    assert "X-Slack-Retry-Num" in again.headers
    assert only(receive(again)).dedupe_key == only(receive(push)).dedupe_key


def test_until_the_bot_knows_its_id_the_event_tells_it() -> None:
    push = STAND.twin(STAND.say("/ping", group=True))
    assert only(receive(push, CONFIG | {"bot_user_id": ""})).text == "/ping"


def test_a_mention_is_one_even_when_nobody_says_of_whom() -> None:
    whole = json.loads(STAND.say("/ping", group=True).body) | {"authorizations": None}
    message = only(receive(signed(whole), CONFIG | {"bot_user_id": ""}))
    assert (message.text, message.mentions_bot) == (f"<@{BOT_USER}> /ping", True)


def test_a_reply_in_a_thread_names_it() -> None:
    message = only(receive(STAND.say("go on", group=True, thread="1700000000.000100")))
    assert message.extra["thread_ts"] == "1700000000.000100"
    assert "thread_ts" in SLACK.context_keys
    broadcast = changed(STAND.say("x"), subtype="thread_broadcast", thread_ts="1.000002")
    assert only(receive(broadcast)).extra["thread_ts"] == "1.000002"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"bot_id": "B0OTHER"}, "from_bot"),
        ({"user": BOT_USER}, "from_bot"),
        ({"user": "USLACKBOT"}, "from_bot"),
        ({"subtype": "bot_message", "user": None}, "from_bot"),
        ({"subtype": "message_changed", "user": None}, "unsupported_subtype"),
        ({"subtype": "message_deleted", "user": None}, "unsupported_subtype"),
        ({"subtype": "channel_join"}, "unsupported_subtype"),
        ({"subtype": "me_message"}, "unsupported_subtype"),
        ({"type": "reaction_added"}, "unsupported_event"),
        ({"type": "app_home_opened"}, "unsupported_event"),
    ],
)
def test_what_is_none_of_our_business(event: dict[str, Any], reason: str) -> None:
    assert refused(receive(changed(STAND.say("x"), **event))) == ("ignore", 200, reason)


def test_other_envelopes_are_ignored() -> None:
    push = signed({"type": "app_rate_limited", "minute_rate_limited": 1})
    assert refused(receive(push)) == ("ignore", 200, "unsupported_event")


# ---- files ----


def test_a_file_with_words_and_without() -> None:
    push = STAND.send_file(b"%PDF", "a.pdf")
    message = only(receive(push))
    (one,) = message.attachments
    assert (message.kind, message.text, one["type"], one["name"]) == ("file", "", "file", "a.pdf")
    assert one["url"].startswith("http")
    assert (one["mime"], one["size"]) == ("application/pdf", 4)
    assert only(receive(changed(push, text="read this"))).kind == "text"
    assert only(receive(STAND.send_file(b"\x89PNG", "a.png"))).kind == "image"


@pytest.mark.parametrize(
    ("transcription", "text"),
    [
        ({"status": "complete", "preview": {"content": " /ping ", "has_more": False}}, "/ping"),
        ({"status": "complete", "preview": {"content": "del", "has_more": True}}, ""),
        ({"status": "processing"}, ""),
        ({"status": "none"}, ""),
        (None, ""),
    ],
)
def test_a_voice_clip_is_text_only_when_all_of_it_is_there(
    transcription: dict[str, Any] | None, text: str
) -> None:
    push = STAND.send_file(b"voice", "audio_message.m4a", voice=True)
    (one,) = json.loads(push.body)["event"]["files"]
    message = only(receive(changed(push, files=[one | {"transcription": transcription}])))
    assert (message.kind, message.text) == ("voice", text)
    assert set(message.attachments[0]) == {"type", "key", "mime", "duration_ms", "url"}


def test_files_without_bytes_are_left_out() -> None:
    gone = {"id": "F1", "mode": "tombstone"}
    connected = {"id": "F2", "mode": "hosted", "file_access": "check_file_info"}
    push = changed(STAND.say("look"), subtype="file_share", files=[gone, connected])
    assert only(receive(push)).attachments == [{"type": "file", "key": "F2"}]


# ---- commands ----


def test_a_slash_command() -> None:
    received = receive(STAND.slash("/task", "周报 &amp; <@U0BOB|bob>"))
    message = only(received)
    assert (received.http_status, received.body) == (200, "")
    assert (message.kind, message.text) == ("command", "/task 周报 & <@U0BOB|bob>")
    assert (message.chat_id, message.chat_type, message.mentions_bot) == (GROUP, "group", True)
    assert (message.message_id, message.second_key) == (None, None)
    assert (message.sender_name, message.extra["asker"]) == ("alice", ALICE)
    private = only(receive(STAND.slash("/ping", channel="D0ALICE")))
    assert (private.chat_type, private.text) == ("private", "/ping")


def test_two_honest_commands_are_two() -> None:
    first, second = (only(receive(STAND.slash("/ping"))) for _ in range(2))
    assert first.dedupe_key != second.dedupe_key


# ---- clicks and forms ----


def test_a_click_carries_the_token_of_its_button() -> None:
    received = receive(STAND.interact(pressed(), "bob"))
    message = only(received)
    assert (received.body, message.kind, message.text) == ("", "card_action", "")
    assert (message.extra["action"], message.sender_id) == ("token", PEOPLE["bob"])
    assert (message.message_id, message.chat_id) == ("1.000001", GROUP)
    assert (message.mentions_bot, message.chat_type) == (None, "group")
    assert "values" not in message.extra


def test_a_click_in_a_thread_names_it() -> None:
    container = {"message_ts": "2.000001", "channel_id": GROUP, "thread_ts": "1.000001"}
    message = only(receive(STAND.interact(pressed(container=container))))
    assert message.extra["thread_ts"] == "1.000001"
    message = only(receive(STAND.interact(pressed(message={"thread_ts": "3.000001"}))))
    assert message.extra["thread_ts"] == "3.000001"


FILLED = {
    "b1": {"city": {"type": "plain_text_input", "value": "上海 <&>"}},
    "b2": {"day": {"type": "datepicker", "selected_date": "2026-11-26"}},
    "b3": {"at": {"type": "timepicker", "selected_time": "09:30"}},
    "b4": {"kind": {"type": "static_select", "selected_option": {"value": "a", "text": {}}}},
    "b5": {"none": {"type": "plain_text_input", "value": None}},
    "b6": {"nobody": {"type": "static_select", "selected_option": None}},
    "b7": {"many": {"selected_options": [{"value": "x"}, {"value": "y"}]}},
    "b8": {"who": {"type": "users_select", "selected_user": "U0BOB"}},
}
VALUES = {
    **{"city": "上海 <&>", "day": "2026-11-26", "at": "09:30", "kind": "a", "none": ""},
    **{"nobody": "", "many": "x,y", "who": "U0BOB"},
}


def test_the_button_of_a_form_brings_what_was_filled_in() -> None:
    action = {"type": "button", "action_id": "submit", "value": "token"}
    payload = pressed(actions=[action], state={"values": FILLED})
    message = only(receive(STAND.interact(payload)))
    assert (message.kind, message.extra["values"]) == ("form", VALUES)
    assert message.extra["action"] == "token"
    # A button that stands beside the form sends itself alone.
    beside = only(receive(STAND.interact(pressed(state={"values": FILLED}))))
    assert (beside.kind, "values" in beside.extra) == ("card_action", False)


def test_a_form_in_a_window_of_its_own() -> None:
    received = receive(STAND.submit("bind", code="918273"))
    message = only(received)
    assert (received.body, message.kind) == ("", "form")
    assert (message.chat_id, message.chat_type) == (None, None)
    assert message.extra["values"] == {"code": "918273"}


@pytest.mark.parametrize("kind", ["shortcut", "message_action", "view_closed", "block_suggestion"])
def test_other_interactions_are_ignored(kind: str) -> None:
    received = receive(STAND.interact({"type": kind}))
    assert refused(received) == ("ignore", 200, "unsupported_event")
    assert received.body == ""


def test_what_the_stand_draws_can_be_clicked() -> None:
    button = {"type": "button", "action_id": "submit", "value": "t", "text": {"text": "Go"}}
    entry = {"type": "input", "element": {"type": "datepicker", "action_id": "day"}}
    raw = {"blocks": [entry, {"type": "actions", "elements": [button]}], "thread_ts": "1.000001"}
    push = STAND.click(Seen("2.000001", GROUP, "", raw=raw), "t", "bob", day="2026-01-02")
    message = only(receive(push))
    assert (message.kind, message.extra["values"]) == ("form", {"day": "2026-01-02"})
    assert message.extra["thread_ts"] == "1.000001"


# ---- what is not genuine, or not readable ----


@pytest.mark.parametrize("skew", [-300, 0, 300])
def test_the_window_is_wide_enough(skew: int) -> None:
    push = STAND.say("x")
    stamp = float(push.headers["X-Slack-Request-Timestamp"])
    assert receive(push, now=stamp + skew).verdict == "accept"


@pytest.mark.parametrize("skew", [-301, 301, 86400])
def test_what_is_old_or_from_the_future_is_stale(skew: int) -> None:
    push = STAND.say("x")
    stamp = float(push.headers["X-Slack-Request-Timestamp"])
    assert refused(receive(push, now=stamp + skew)) == ("reject", 403, "stale")


@pytest.mark.parametrize("secret", ["", None])
def test_without_a_secret_nothing_is_genuine(secret: str | None) -> None:
    push = STAND.say("x")
    stamp = push.headers["X-Slack-Request-Timestamp"]
    forged = replace(push, headers=push.headers | {"X-Slack-Signature": sign("", stamp, push.body)})
    assert refused(receive(forged, {"signing_secret": secret})) == ("reject", 403, "bad_signature")


@pytest.mark.parametrize("name", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
def test_a_missing_header(name: str) -> None:
    push = STAND.say("x")
    headers = {key: value for key, value in push.headers.items() if key != name}
    received = receive(replace(push, headers=headers), now=NOW)
    assert refused(received) == ("reject", 403, "missing_signature")


def test_a_probe_that_nobody_signed_is_refused() -> None:
    push = Push(b"ssl_check=1&token=x", {"Content-Type": FORM})
    assert refused(receive(push)) == ("reject", 403, "missing_signature")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b"{", "application/json"),
        (b'{"type":"event_callback"}', "application/json"),
        (b'{"type":1}', "application/json"),
        (b'{"type":"event_callback","event":{"type":"message"}}', "application/json"),
        (b'{"type":"url_verification","challenge":7}', "application/json"),
        (b"", FORM),
        (b"command=/x&command=/y", FORM),
        (b"command=%2Fx&text=%FF&user_id=U&channel_id=C&trigger_id=1", FORM),
        (b"command=%2Fx&text=%00&user_id=U&channel_id=C&trigger_id=1", FORM),
        (b"command=%2Fx&text=x&channel_id=C&trigger_id=1", FORM),
        ("command=汉".encode(), FORM),
        (b"payload=", FORM),
        (b"payload=%5B%5D", FORM),
        (urlencode({"payload": '{"type":"block_actions"}'}).encode(), FORM),
        (urlencode({"payload": json.dumps(pressed(actions=[]))}).encode(), FORM),
        (urlencode({"payload": json.dumps(pressed(state={"values": {"b": 1}}))}).encode(), FORM),
        (urlencode({"payload": '{"type":"view_submission","view":{}}'}).encode(), FORM),
        (b"&".join(b"f%d=1" % n for n in range(101)), FORM),
    ],
)
def test_what_cannot_be_read_is_malformed(body: bytes, kind: str) -> None:
    assert refused(receive(signed(body, kind))) == ("reject", 400, "malformed")


@pytest.mark.parametrize("field", ["channel", "ts", "user"])
@pytest.mark.parametrize("value", ["", "x" * 300, 7, None])
def test_ids_that_are_none_are_malformed(field: str, value: Any) -> None:
    push = changed(STAND.say("x"), **{field: value})
    assert refused(receive(push)) == ("reject", 400, "malformed")


def test_a_body_that_is_too_large() -> None:
    assert refused(receive(signed(b"x" * (1024 * 1024 + 1)))) == ("reject", 413, "too_large")


PUSHES = [
    STAND.say("/ping", group=True),
    STAND.send_file(b"x", "a.m4a", voice=True, transcript="hi"),
    STAND.slash("/task", "周报"),
    STAND.interact(pressed(state={"values": FILLED})),
    STAND.submit("bind", code="1"),
]


@settings(max_examples=400, deadline=None)
@given(
    push=st.sampled_from(PUSHES),
    at=st.integers(0, 10_000),
    byte=st.integers(0, 255),
)
def test_one_changed_byte_is_refused(push: Push, at: int, byte: int) -> None:
    body = bytearray(push.body)
    body[at % len(body)] = byte
    received = receive(replace(push, body=bytes(body)))
    assert received.verdict == ("accept" if bytes(body) == push.body else "reject")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@settings(max_examples=250, deadline=None)
@given(push=st.sampled_from(PUSHES), data=st.data())
def test_genuine_nonsense_is_judged_and_never_raises(push: Push, data: st.DataObject) -> None:
    """Fields of signed requests become anything; whatever is accepted fits into the tables."""
    form = push.headers["Content-Type"] == FORM
    whole = json.loads(push.body) if not form else STAND_FORMS[push.body]
    path, place = [], whole
    while isinstance(place, dict) and place and data.draw(st.integers(0, 3)):
        path.append(data.draw(st.sampled_from(sorted(place))))
        place = place[path[-1]]
    mutated = _put(whole, path, data.draw(_json)) if path else whole
    if form:
        fields = {"payload": json.dumps(mutated)} if "type" in whole else mutated
        body = urlencode({name: str(value) for name, value in fields.items()}).encode()
    else:
        body = json.dumps(mutated).encode()
    received = receive(signed(body, FORM if form else "application/json"))
    assert received.verdict != "reject" or received.reason in REASONS
    for message in received.messages:
        assert len(message.dedupe_key) <= 255
        assert len(message.second_key or "") <= 255
        assert all(len(one or "") <= 200 for one in (message.chat_id, message.message_id))
        assert isinstance(message.text, str)


def _fields(push: Push) -> Any:
    form = dict(parse_qsl(push.body.decode(), keep_blank_values=True))
    return json.loads(form["payload"]) if "payload" in form else form


STAND_FORMS = {push.body: _fields(push) for push in PUSHES if push.headers["Content-Type"] == FORM}


def _put(whole: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    return {**whole, path[0]: _put(whole[path[0]], path[1:], value)}
