"""What DingTalk sends, good and bad, beyond the golden cases."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.im import dingtalk_crypto
from apps.im.base import Inbound, InboundRequest, Received, get_platform
from apps.im.ciphers import BadCiphertext
from apps.simulate import dingtalk_signer
from apps.simulate.dingtalk_signer import BOT_ID, Signer, click, frame, message
from tests.im import golden

NOW = 1795330800.0
STAMP = str(int(NOW * 1000))
SIGNER = Signer()
CONFIG = {
    "app_key": SIGNER.app_key,
    "app_secret": SIGNER.app_secret,
    "event_token": SIGNER.event_token,
    "event_aes_key": SIGNER.event_aes_key,
    "max_skew_s": 3600,
}
REASONS = {
    *("bad_signature", "missing_signature", "stale", "bad_timestamp", "bad_ciphertext"),
    *("receive_id_mismatch", "malformed", "too_large", "from_bot", "unsupported_event"),
    "unsupported_type",
}
EMPTY = {"msgtype": "empty"}


def receive(
    body: bytes,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    **changes: Any,
) -> Received:
    request = InboundRequest("POST", "/webhooks/dingtalk/d/", query or {}, headers or {}, body)
    return get_platform("dingtalk").receive(CONFIG | changes, request, NOW)


def robot(data: Any, *, stamp: str = STAMP, **changes: Any) -> Received:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return receive(body, SIGNER.headers(stamp), **changes)


def text(content: Any = "hi", **changes: Any) -> dict[str, Any]:
    return message("text", {"text": {"content": content}}, **changes)


def event(data: Any, *, owner: str = "", stamp: str = STAMP, **changes: Any) -> Received:
    body, query = SIGNER.event(data, owner=owner, stamp=stamp)
    return receive(body, query=query, **changes)


def stream(raw: str, **changes: Any) -> Received:
    request = InboundRequest("WS", "", {}, {}, raw.encode())
    return get_platform("dingtalk").receive(CONFIG | changes, request, NOW)


def only(received: Received) -> Inbound:
    assert received.verdict == "accept", received
    (found,) = received.messages
    return found


def refused(received: Received) -> tuple[str, int, str | None]:
    assert not received.messages
    return received.verdict, received.http_status, received.reason


# ---- what people write ----


def test_text_in_a_group() -> None:
    others = [{"dingtalkId": BOT_ID}, {"dingtalkId": "x", "staffId": "bob"}, {"dingtalkId": "y"}]
    received = robot(text("  查  日程\r\n\n\n\nb ", group=True, chat="cid-group", atUsers=others))
    found = only(received)
    assert (found.text, found.chat_type, found.mentions_bot) == ("查 日程\n\nb", "group", True)
    assert found.extra["mentions"] == [{"id": "bob"}]
    assert (found.dedupe_key, found.second_key) == (f"msg:{found.message_id}", None)
    assert received.response == EMPTY
    assert found.sender_name == "Alice"


@pytest.mark.parametrize(
    ("at", "listed", "mentioned"),
    [
        ([{"dingtalkId": BOT_ID}], False, True),
        ([], True, True),
        ([{"dingtalkId": "x"}], False, False),
        (None, None, False),
        ("nonsense", "true", False),
    ],
)
def test_who_is_addressed(at: Any, listed: Any, mentioned: bool) -> None:
    data = text(group=True, atUsers=at, isInAtList=listed)
    assert only(robot(data)).mentions_bot is mentioned


def test_nobody_is_mentioned_in_private() -> None:
    assert only(robot(text(isInAtList=True))).mentions_bot is False


def test_people_of_other_companies_are_nobody_of_ours() -> None:
    found = only(robot(text(staff_id="x", senderStaffId=None)))
    assert found.sender_id == "$:LWCP_v1:$x"
    assert found.extra["sender_is_external"] is True
    assert "staff_id" not in found.extra
    assert only(robot(text(senderStaffId=""))).extra["sender_is_external"] is True


def test_the_robot_does_not_talk_to_itself() -> None:
    received = robot(text(senderId=BOT_ID, senderStaffId=None))
    assert refused(received) == ("ignore", 200, "from_bot")
    assert received.response == EMPTY


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        (
            "audio",
            {"downloadCode": "c", "duration": 900, "recognition": " 查 日程 "},
            ("voice", "查 日程", [{"type": "voice", "key": "c", "duration_ms": 900}]),
        ),
        ("audio", {"downloadCode": "c"}, ("voice", "", [{"type": "voice", "key": "c"}])),
        (
            "video",
            {"downloadCode": "c", "duration": "1200", "videoType": "mp4"},
            ("file", "", [{"type": "video", "key": "c", "duration_ms": 1200}]),
        ),
        (
            "file",
            {"downloadCode": "c" * 900, "fileName": "a.pdf"},
            ("file", "", [{"type": "file", "key": "c" * 900, "name": "a.pdf"}]),
        ),
        ("picture", {"downloadCode": "c"}, ("image", "", [{"type": "image", "key": "c"}])),
        (
            "richText",
            {
                "richText": [
                    {"text": "看 "},
                    {"downloadCode": "p", "type": "picture"},
                    {"text": "它"},
                ]
            },
            ("text", "看 它", [{"type": "image", "key": "p"}]),
        ),
    ],
)
def test_kinds(kind: str, content: Any, expected: tuple[str, str, Any], wrapped: bool) -> None:
    held = json.dumps(content) if wrapped else content
    found = only(robot(message(kind, {"content": held})))
    assert (found.kind, found.text, found.attachments) == expected


@pytest.mark.parametrize("kind", ["unknownMsgType", "interactiveCard", "chatRecord", ""])
def test_kinds_that_we_cannot_use(kind: str) -> None:
    assert refused(robot(message(kind, {}))) == ("ignore", 200, "unsupported_type")


@pytest.mark.parametrize(
    "data",
    [
        [],
        "x",
        text(conversationType="3"),
        text(conversationType=None),
        text(msgId=None),
        text(msgId="m" * 201),
        text(conversationId=7),
        text(senderStaffId=5),
        text(senderStaffId=None, senderId=None),
        text(5),
        message("text", {"text": "hi"}),
        message("text", {"text": {}}),
        message("audio", {"content": {}}),
        message("audio", {"content": {"downloadCode": ""}}),
        message("audio", {"content": {"downloadCode": "c" * 4001}}),
        message("audio", {"content": "{"}),
        message("audio", {"content": "[]"}),
        message("file", {"content": {"downloadCode": "c", "fileName": 5}}),
        message("richText", {"content": {"richText": ["x"]}}),
        message("richText", {"content": {"richText": [{"type": "picture"}]}}),
    ],
)
def test_what_cannot_be_read(data: Any) -> None:
    assert refused(robot(data)) == ("reject", 400, "malformed")


def test_a_message_that_answers_another_names_it() -> None:
    data = message("text", {"text": {"content": "x", "repliedMsg": {"msgId": "m0"}}})
    assert only(robot(data)).extra["parent_id"] == "m0"
    assert (
        "parent_id"
        not in only(robot(message("text", {"text": {"content": "x", "repliedMsg": [1]}}))).extra
    )


# ---- where answers may go ----


@pytest.mark.parametrize(
    "url",
    [
        "http://oapi.dingtalk.com/robot/sendBySession?session=1",
        "https://oapi.dingtalk.com.evil.example/x",
        "https://dingtalk.com/x",
        "https://evil.example/?oapi.dingtalk.com",
        "https://oapi.dingtalk.com:8443/x",
        "https://a@oapi.dingtalk.com/x",
        "https://oapi.dingtalk.com@evil.example/x",
        "https://oapi.dingtalk.com\\@evil.example/x",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:6379/",
        "file:///etc/passwd",
        "https://xn--/",
        5,
        ["https://oapi.dingtalk.com/x"],
        "https://oapi.dingtalk.com/" + "x" * 9000,
    ],
)
def test_answers_go_to_dingtalk_or_nowhere(url: Any) -> None:
    found = only(robot(text(session=url)))
    assert found.extra["reply_url"] is None
    assert found.extra["reply_url_rejected"] is True


def test_the_configured_server_may_be_answered_and_no_other_beside_it() -> None:
    inside = {"api_base": "http://127.0.0.1:9000", "oapi_base": "http://127.0.0.1:9001"}
    for url, fine in (
        ("http://127.0.0.1:9000/r?session=1", True),
        ("http://127.0.0.1:9001/r", True),
        ("http://127.0.0.1:9002/r", False),
        ("https://127.0.0.1:9000/r", False),
        ("http://127.0.0.2:9000/r", False),
    ):
        found = only(robot(text(session=url), **inside))
        assert (found.extra["reply_url"] == url) is fine
    vendors = {"api_base": "https://api.dingtalk.com"}
    url = "https://api.dingtalk.com:444/r"
    assert only(robot(text(session=url), **vendors)).extra["reply_url"] is None


@pytest.mark.parametrize("ends", ["soon", None, True, -1, 2**80, 1.5])
def test_an_end_that_is_none_has_passed(ends: Any) -> None:
    extra = only(robot(text(sessionWebhookExpiredTime=ends))).extra
    assert extra["reply_url_expires_ms"] == 0


# ---- the signature ----


@pytest.mark.parametrize(
    ("offset_s", "reason"),
    [(0, None), (-3600, None), (3600, None), (-3601, "stale"), (3601, "stale")],
)
def test_the_clock_window(offset_s: int, reason: str | None) -> None:
    received = robot(text(), stamp=str(int((NOW + offset_s) * 1000)))
    assert received.reason == reason


@pytest.mark.parametrize("stamp", ["abc", "1e9", "١٢٣", "-5", " 5", "5.0", "1" * 16])
def test_stamps_that_are_no_numbers(stamp: str) -> None:
    assert refused(robot(text(), stamp=stamp)) == ("reject", 403, "bad_timestamp")


def test_each_header_is_needed_and_names_have_no_case() -> None:
    body, headers = json.dumps(text()).encode(), SIGNER.headers(STAMP)
    assert only(receive(body, {name.upper(): value for name, value in headers.items()}))
    for name in ("timestamp", "sign"):
        assert refused(receive(body, headers | {name: ""}))[2] == "missing_signature"
    for changed in (
        {"sign": headers["sign"][:-2] + "A="},
        {"sign": headers["sign"].lower()},
        {"sign": "签名"},
        {"timestamp": str(int(STAMP) + 1)},
    ):
        assert refused(receive(body, headers | changed))[2] == "bad_signature"


@pytest.mark.parametrize("secret", ["", None])
def test_without_a_secret_nothing_is_genuine(secret: Any) -> None:
    empty = Signer(app_secret="")
    body = json.dumps(text()).encode()
    assert refused(receive(body, empty.headers(STAMP), app_secret=secret))[2] == "bad_signature"
    api_secret = dingtalk_crypto.card_secret("")
    headers = empty.card_headers(api_secret, STAMP)
    assert refused(receive(body, headers, app_secret=secret))[2] == "bad_signature"


def test_the_signature_covers_no_body() -> None:
    """DingTalk's own weakness: the window and the message's id are all that holds a replay up."""
    headers = SIGNER.headers(STAMP)
    first = receive(json.dumps(text("one")).encode(), headers)
    second = receive(json.dumps(text("two")).encode(), headers)
    assert (only(first).text, only(second).text) == ("one", "two")


# ---- clicks ----


def test_a_click_over_http() -> None:
    data = click("card-1", "staff-bob", {"action": "1f.tok"})
    secret = dingtalk_crypto.card_secret(SIGNER.app_secret)
    body, headers = json.dumps(data).encode(), SIGNER.card_headers(secret, STAMP)
    received = receive(body, headers)
    found = only(received)
    assert received.response == {}
    assert (found.kind, found.text, found.sender_id) == ("card_action", "", "staff-bob")
    assert (found.message_id, found.chat_id, found.chat_type) == ("card-1", None, None)
    assert (found.extra["action"], found.extra["value"]) == ("1f.tok", {"action": "1f.tok"})
    assert found.dedupe_key == only(receive(body, headers)).dedupe_key
    later = SIGNER.card_headers(secret, str(int(STAMP) + 5))
    assert found.dedupe_key != only(receive(body, later)).dedupe_key
    wrong = headers | {"x-ddpaas-signature": "AAAA"}
    assert refused(receive(body, wrong))[2] == "bad_signature"
    old = SIGNER.card_headers(secret, str(int(STAMP) - 3_600_001))
    assert refused(receive(body, old))[2] == "stale"
    headers.pop("x-ddpaas-signature-timestamp")
    assert refused(receive(body, headers))[2] == "missing_signature"


@pytest.mark.parametrize(
    ("space_type", "space_id", "place"),
    [
        ("IM_GROUP", "cid-group", ("cid-group", "group")),
        ("IM_ROBOT", "staff-bob", ("staff-bob", "private")),
        ("", "", (None, None)),
    ],
)
def test_where_a_click_happened(space_type: str, space_id: str, place: Any) -> None:
    data = click("c", "staff-bob", {}, space_type=space_type, space_id=space_id)
    found = only(stream(frame("CALLBACK", dingtalk_signer.CARD_TOPIC, data)))
    assert (found.chat_id, found.chat_type) == place
    assert (found.mentions_bot, found.extra["action"]) == (None, "")


@pytest.mark.parametrize(
    "changes",
    [
        {"content": "{"},
        {"content": None},
        {"content": json.dumps({"cardPrivateData": {"params": []}})},
        {"content": json.dumps({"cardPrivateData": {"actionIds": "x"}})},
        {"outTrackId": ""},
        {"userId": 7},
    ],
)
def test_clicks_that_are_none(changes: dict[str, Any]) -> None:
    data = click("c", "staff-bob", {"action": "x"}) | changes
    received = stream(frame("CALLBACK", dingtalk_signer.CARD_TOPIC, data))
    assert refused(received) == ("reject", 400, "malformed")


# ---- events ----

LEFT = {
    "EventType": "user_leave_org",
    "TimeStamp": STAMP,
    "CorpId": "ding1",
    "UserId": ["staff-bob", "staff-carol"],
}


def opened(received: Received) -> str:
    """The word inside an encrypted answer, its signature checked."""
    answer = received.response
    assert answer is not None
    assert set(answer) == {"msg_signature", "timeStamp", "nonce", "encrypt"}
    signed = SIGNER.event_sign(answer["timeStamp"], answer["nonce"], answer["encrypt"])
    assert answer["msg_signature"] == signed
    word, owner = SIGNER.decrypt(answer["encrypt"])
    assert owner == SIGNER.app_key
    return word.decode()


def test_people_who_left() -> None:
    received = event(LEFT)
    found = only(received)
    assert (found.kind, found.chat_id, found.message_id) == ("event", None, None)
    gone = ["staff-bob", "staff-carol"]
    assert found.extra == {"event": "user_leave_org", "user_ids": gone, "left": gone}
    assert opened(received) == "success"
    assert found.dedupe_key == only(event(LEFT)).dedupe_key
    assert found.dedupe_key != only(event(LEFT | {"TimeStamp": "1"})).dedupe_key
    assert only(event(LEFT | {"eventId": "e1"})).dedupe_key == "evt:e1"


def test_the_probe_of_the_address_and_other_events() -> None:
    received = event({"EventType": "check_url"})
    assert received.verdict == "challenge"
    assert opened(received) == "success"
    received = event({"EventType": "user_add_org", "UserId": ["x"]})
    assert refused(received) == ("ignore", 200, "unsupported_event")
    assert opened(received) == "success"


def test_events_that_are_not_genuine() -> None:
    assert refused(event(LEFT, owner="another"))[2] == "receive_id_mismatch"
    assert only(event(LEFT, owner="corp1", event_owner_key="corp1"))
    assert refused(event(LEFT, event_token="other"))[2] == "bad_signature"
    assert refused(event(LEFT, event_token=""))[2] == "bad_signature"
    unsigned, query = Signer(event_token="").event(LEFT, stamp=STAMP)
    assert refused(receive(unsigned, query=query, event_token=""))[2] == "bad_signature"
    other = "b3RoZXItYWVzLWtleS0wMTIzNDU2Nzg5LWFiY2RlZmc"
    for key in (other, "short", "", "!" * 43):
        assert refused(event(LEFT, event_aes_key=key)) == ("reject", 400, "bad_ciphertext")
    assert refused(event(LEFT, stamp=str(int(STAMP) - 3_600_001)))[2] == "stale"
    assert refused(event(LEFT, stamp="now"))[2] == "bad_timestamp"
    body, query = SIGNER.event(LEFT, stamp=STAMP)
    for name in ("timestamp", "nonce"):
        assert refused(receive(body, query=query | {name: ""}))[2] == "missing_signature"
    assert refused(receive(b"{}", query=query)) == ("reject", 400, "malformed")
    assert only(receive(body, query={k: v for k, v in query.items() if k != "msg_signature"}))


@pytest.mark.parametrize("users", [[], None, "bob", [5], [""], ["x"] * 1001])
def test_leavers_who_are_nobody(users: Any) -> None:
    assert refused(event(LEFT | {"UserId": users})) == ("reject", 400, "malformed")


@given(st.binary(max_size=600), st.text(max_size=40))
def test_the_cipher_opens_what_the_vendors_scheme_seals(plain: bytes, owner: str) -> None:
    """Against another implementation, also of lengths that the vendor's Python cannot do."""
    owner = owner.encode("utf-8", "ignore").decode()
    found = dingtalk_crypto.open_event(SIGNER.event_aes_key, SIGNER.encrypt(plain, owner))
    assert (found.message, found.owner.decode()) == (plain, owner)
    sealed = dingtalk_crypto.seal_event(SIGNER.event_aes_key, plain, owner)
    assert SIGNER.decrypt(sealed) == (plain, owner)


@given(st.binary(max_size=200))
def test_any_ciphertext_is_opened_or_refused(data: bytes) -> None:
    try:
        dingtalk_crypto.open_event(SIGNER.event_aes_key, data.hex())
    except BadCiphertext:
        return
    raise AssertionError("hex of random bytes decrypts to nothing")


# ---- frames ----


def test_a_frame_is_read_as_a_callback_is() -> None:
    data = text("hi")
    received = stream(frame("CALLBACK", dingtalk_signer.ROBOT_TOPIC, data))
    assert received.messages == robot(data).messages


def test_only_a_bot_that_keeps_a_connection_takes_frames() -> None:
    raw = frame("CALLBACK", dingtalk_signer.ROBOT_TOPIC, text())
    assert refused(stream(raw, connection="webhook"))[2] == "missing_signature"
    assert only(stream(raw, connection="stream"))


def test_a_ping_is_echoed_and_a_farewell_is_not() -> None:
    received = stream(frame("SYSTEM", "ping", {"opaque": "1"}))
    assert received.verdict == "control"
    assert received.response is not None
    assert json.loads(received.response["data"]) == {"opaque": "1"}
    received = stream(
        json.dumps({"type": "SYSTEM", "headers": {"topic": "disconnect"}, "data": "{}"})
    )
    assert (received.response, received.question) == (None, {"topic": "disconnect"})


def test_events_of_the_stream() -> None:
    data = {"timeStamp": STAMP, "userId": ["staff-bob"]}
    raw = frame("EVENT", "*", data, eventType="user_leave_org", eventId="e9")
    received = stream(raw)
    found = only(received)
    assert (found.dedupe_key, found.extra["user_ids"]) == ("evt:e9", ["staff-bob"])
    assert received.response is not None
    assert json.loads(received.response["data"])["status"] == "SUCCESS"
    received = stream(frame("EVENT", "*", data, eventType="org_change", eventId="e8"))
    assert refused(received) == ("ignore", 200, "unsupported_event")
    assert received.response is not None


def test_a_topic_that_nobody_asked_for() -> None:
    received = stream(frame("CALLBACK", "/v1.0/other", {}))
    assert refused(received) == ("ignore", 200, "unsupported_event")
    assert received.response is not None
    assert received.response["code"] == 404


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "[]",
        "{}",
        '{"type":"CALLBACK"}',
        '{"type":"CALLBACK","headers":{},"data":"{}"}',
        '{"type":"CALLBACK","headers":{"messageId":"m"},"data":{}}',
        '{"type":"CALLBACK","headers":{"messageId":"m"},"data":"["}',
        '{"type":5,"headers":{"messageId":"m"},"data":"{}"}',
    ],
)
def test_frames_that_are_none(raw: str) -> None:
    assert refused(stream(raw)) == ("reject", 400, "malformed")


# ---- hostile and altered ----

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
FIELDS = sorted({*text(group=True), "content", "senderUnionId"})


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_signed_nonsense_is_judged_and_never_raised(changes: dict[str, Any]) -> None:
    received = robot(text(group=True) | changes)
    assert received.http_status in {200, 400, 403}
    assert received.reason is None or received.reason in REASONS
    for found in received.messages:
        assert 1 <= len(found.sender_id) <= 200
        url = found.extra.get("reply_url")
        assert url is None or url.startswith("https://")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_signed_bytes_of_any_kind(body: bytes) -> None:
    assert robot(body).verdict in {"reject", "ignore"}
    assert stream(body.decode("latin-1")).verdict in {"reject", "ignore", "control"}


ACCEPTED = [
    path for path in golden.cases("dingtalk") if golden.load(path)["expect"]["verdict"] == "accept"
]


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_an_altered_header_of_an_accepted_case_is_refused(path: Any, data: st.DataObject) -> None:
    case = golden.load(path)
    request = golden.request_of(case)
    if not request.headers.get("sign"):
        return  # a frame is as genuine as its connection
    name = data.draw(st.sampled_from(["sign", "timestamp"]))
    value = request.headers[name]
    place = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda char: char != value[place]))
    changed = value[:place] + other + value[place + 1 :]
    headers = dict(request.headers) | {name: changed}
    altered = InboundRequest("POST", request.path, request.query, headers, request.body)
    received = get_platform("dingtalk").receive(case["config"], altered, case["now"])
    assert received.verdict == "reject"
