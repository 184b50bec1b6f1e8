"""What WeCom pushes to an app, good and bad, beyond the golden cases."""

from __future__ import annotations

import base64
import random
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.im.base import Inbound, InboundRequest, Received, get_platform
from apps.simulate.desk import Push
from apps.simulate.wecom_signer import Signer

NOW = 1795330800
SIGNER = Signer()
WECOM = get_platform("wecom")
CONFIG: dict[str, Any] = {
    "corp_id": SIGNER.corp_id,
    "agent_id": str(SIGNER.agent_id),
    "token": SIGNER.token,
    "encoding_aes_key": SIGNER.encoding_aes_key,
    "max_skew_s": 600,
}
REASONS = {
    *("bad_signature", "missing_signature", "stale", "bad_timestamp", "bad_ciphertext"),
    *("receive_id_mismatch", "malformed", "forbidden_dtd", "too_large"),
    *("unsupported_event", "unsupported_type"),
}


def receive(push: Push, config: dict[str, Any] | None = None, now: float = NOW) -> Received:
    request = InboundRequest(push.method, "/webhooks/wecom/w/", push.query, {}, push.body)
    return WECOM.receive(CONFIG if config is None else config, request, now)


def pushed(inner: str | bytes, **stamps: str) -> Received:
    return receive(SIGNER.push(inner, **{"stamp": str(NOW)} | stamps))


def only(received: Received) -> Inbound:
    assert received.verdict == "accept", received
    # Nothing is said in the answer; whatever there is to say is sent by the API.
    assert (received.http_status, received.body) == (200, "")
    (message,) = received.messages
    return message


def refused(received: Received) -> tuple[str, int, str | None]:
    assert not received.messages
    return received.verdict, received.http_status, received.reason


MALFORMED = ("reject", 400, "malformed")
DTD = ("reject", 400, "forbidden_dtd")


# ---- what people send ----


def test_text() -> None:
    message = only(pushed(SIGNER.message("Alice", "text", "77", Content="  /echo  a\r\n b  ")))
    assert (message.kind, message.text) == ("text", "/echo a\nb")
    assert (message.sender_id, message.chat_id, message.chat_type) == ("Alice", "Alice", "private")
    assert (message.message_id, message.dedupe_key) == ("77", "msg:77")
    assert (message.second_key, message.mentions_bot) == (None, False)


def test_text_about_document_types_is_text() -> None:
    words = '<!DOCTYPE html> <!ENTITY x "y"> &lt; ]] > @all'
    assert only(pushed(SIGNER.message("A", "text", Content=words))).text == words


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("image", {"MediaId": "m", "PicUrl": ""}, ("image", {"type": "image", "key": "m"})),
        (
            "voice",
            {"MediaId": "m", "Format": "AMR"},
            ("voice", {"type": "voice", "key": "m", "mime": "audio/amr"}),
        ),
        ("voice", {"MediaId": "m"}, ("voice", {"type": "voice", "key": "m"})),
        ("video", {"MediaId": "m", "ThumbMediaId": "t"}, ("file", {"type": "video", "key": "m"})),
        (
            "file",
            {"MediaId": "m", "FileName": "报告.pdf"},
            ("file", {"type": "file", "key": "m", "name": "报告.pdf"}),
        ),
    ],
)
def test_media(kind: str, fields: dict[str, str], expected: tuple[str, dict[str, str]]) -> None:
    message = only(pushed(SIGNER.message("Alice", kind, **fields)))
    assert (message.kind, message.attachments, message.text) == (expected[0], [expected[1]], "")


def test_a_link_is_what_it_says() -> None:
    fields = {"Title": "T", "Description": "D", "Url": "https://example.com/", "PicUrl": "p"}
    message = only(pushed(SIGNER.message("Alice", "link", **fields)))
    assert message.text == "T\nD\nhttps://example.com/"
    assert message.extra == {"links": ["https://example.com/"]}


@pytest.mark.parametrize("degrees", ["nan", "inf", "1e5", "", "north", "1234.5", "１"])
def test_places_that_are_nowhere(degrees: str) -> None:
    place = SIGNER.message("A", "location", Location_X=degrees, Location_Y="1", Label="x")
    assert refused(pushed(place)) == MALFORMED


@pytest.mark.parametrize("kind", ["news", "mpnews", "", "TEXT", "shortvideo"])
def test_kinds_that_we_cannot_use(kind: str) -> None:
    received = pushed(SIGNER.message("Alice", kind, Content="x"))
    assert refused(received) == ("ignore", 200, "unsupported_type")
    assert received.body == ""


# ---- events and clicks ----


@pytest.mark.parametrize("event", ["enter_agent", "subscribe", "unsubscribe"])
def test_events_that_say_something(event: str) -> None:
    message = only(pushed(SIGNER.event("Alice", event, at=5, EventKey="")))
    assert (message.kind, message.text, message.message_id) == ("event", "", None)
    assert (message.mentions_bot, message.extra) == (None, {"event": event})
    assert message.dedupe_key == f"ev:Alice:5:{event}::"


def test_a_menu_names_its_key() -> None:
    message = only(pushed(SIGNER.event("Alice", "click", at=5, EventKey="/help")))
    assert message.extra == {"event": "click", "event_key": "/help"}


@pytest.mark.parametrize("event", ["LOCATION", "view", "change_contact", "batch_job_result"])
def test_events_that_say_nothing_to_us(event: str) -> None:
    received = pushed(SIGNER.event("Alice", event))
    assert refused(received) == ("ignore", 200, "unsupported_event")
    assert received.body == ""


def test_a_click_carries_the_token_of_its_button() -> None:
    click = SIGNER.click(
        "Bob", "1f.abc.k.mac", task="t1", code="RC", card_type="button_interaction"
    )
    message = only(pushed(click))
    assert (message.kind, message.text, message.sender_id) == ("card_action", "", "Bob")
    assert (message.chat_id, message.chat_type, message.mentions_bot) == ("Bob", "private", None)
    assert message.extra["action"] == message.extra["value"] == "1f.abc.k.mac"
    assert (message.extra["task_id"], message.extra["response_code"]) == ("t1", "RC")
    assert message.dedupe_key.endswith(":template_card_event:1f.abc.k.mac:t1")
    assert "response_code" in WECOM.context_keys


def test_what_was_picked_is_a_form() -> None:
    click = SIGNER.click(
        "Bob", "tok", task="t", code="c", card_type="multiple_interaction", city="sh", day="mon"
    )
    message = only(pushed(click))
    assert message.kind == "form"
    assert message.extra["action"] == "tok"
    assert message.extra["values"] == {"city": "sh", "day": "mon"}


def test_several_options_of_one_question() -> None:
    parts = (
        "<SelectedItems><SelectedItem><QuestionKey>q</QuestionKey><OptionIds>"
        "<OptionId>a</OptionId><OptionId>b</OptionId></OptionIds></SelectedItem></SelectedItems>"
        "<CardType>vote_interaction</CardType>"
    )
    event = SIGNER.event("Bob", "template_card_event", parts=parts, EventKey="k", TaskId="t")
    assert only(pushed(event)).extra["values"] == {"q": "a,b"}


def test_two_clicks_differ_and_one_click_comes_again() -> None:
    def key(**changes: Any) -> str:
        fields = {"EventKey": "k", "TaskId": "t"} | changes
        return only(pushed(SIGNER.event("Bob", "template_card_event", at=9, **fields))).dedupe_key

    assert key() == key()
    assert len({key(), key(EventKey="other"), key(TaskId="other")}) == 3


# ---- the envelope ----


def test_the_address_is_checked() -> None:
    push = SIGNER.address_check("42")
    received = receive(push, now=time.time())
    assert (received.verdict, received.response, received.body) == (
        "challenge",
        {"text": "42"},
        "42",
    )
    push.query["echostr"] = push.query["echostr"][:-8] + "AAAAAAA="
    assert refused(receive(push, now=time.time()))[2] == "bad_signature"
    del push.query["echostr"]
    assert refused(receive(push, now=time.time())) == MALFORMED


def test_an_echo_that_is_no_text() -> None:
    encrypt = SIGNER.encrypt(b"\xff\xfe")
    query = SIGNER.stamps(encrypt, stamp=str(NOW)) | {"echostr": encrypt}
    assert refused(receive(Push(b"", {}, query, method="GET"))) == MALFORMED


@pytest.mark.parametrize("name", ["msg_signature", "timestamp", "nonce"])
def test_each_stamp_is_needed(name: str) -> None:
    push = SIGNER.push(SIGNER.message("A", "text", Content="x"), stamp=str(NOW))
    del push.query[name]
    assert refused(receive(push)) == ("reject", 403, "missing_signature")
    push.query[name] = ""
    assert refused(receive(push)) == ("reject", 403, "missing_signature")


@pytest.mark.parametrize(
    ("stamp", "reason"),
    [(NOW - 600, None), (NOW + 600, None), (NOW - 601, "stale"), (NOW + 601, "stale")],
)
def test_the_clock_window(stamp: int, reason: str | None) -> None:
    received = pushed(SIGNER.message("A", "text", Content="x"), stamp=str(stamp))
    assert received.reason == reason


@pytest.mark.parametrize("stamp", ["soon", "1e9", "-5", "１７９５３３０８００"])
def test_stamps_that_are_no_numbers(stamp: str) -> None:
    received = pushed(SIGNER.message("A", "text", Content="x"), stamp=stamp)
    assert refused(received) == ("reject", 403, "bad_timestamp")


@pytest.mark.parametrize(
    "changes",
    [{"token": ""}, {"token": "other"}, {"corp_id": ""}, {"corp_id": "ww2"}, {"agent_id": "7"},
     {"encoding_aes_key": ""}, {"encoding_aes_key": "A" * 43}],
)  # fmt: skip
def test_another_configuration_opens_nothing(changes: dict[str, str]) -> None:
    push = SIGNER.push(SIGNER.message("A", "text", Content="x"), stamp=str(NOW))
    assert receive(push, CONFIG | changes).verdict == "reject"


def test_the_envelope_cannot_say_something_else() -> None:
    push = SIGNER.push(SIGNER.message("A", "text", Content="x"), stamp=str(NOW))
    for old, new in ((SIGNER.corp_id, "ww_other"), (str(SIGNER.agent_id), "7")):
        changed = Push(push.body.replace(old.encode(), new.encode()), {}, push.query)
        assert refused(receive(changed)) == ("reject", 403, "receive_id_mismatch")


def test_a_push_for_another_app_of_the_company() -> None:
    other = Signer(agent_id=7)
    push = other.push(other.message("A", "text", Content="x"), stamp=str(NOW))
    assert refused(receive(push)) == ("reject", 403, "receive_id_mismatch")


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"<xml>", b"<xml/>", b"<other><Encrypt>x</Encrypt></other>", b"\xff\xfe<xml/>",
     b"<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>", b"<xml>&#0;</xml>", b"<xml>\0</xml>",
     b"<xml><Encrypt>&#xD800;</Encrypt></xml>", b"<xml><Encrypt>&other;</Encrypt></xml>",
     b'<?xml version="1.0" encoding="utf-16"?><xml><Encrypt>x</Encrypt></xml>x',
     "<xml/>".encode("utf-16"), b"<xml>" + b"<a>" * 13 + b"</a>" * 13 + b"</xml>",
     b"<xml>" + b"<a/>" * 3000 + b"</xml>", b"<xml>" * 100_000],
)  # fmt: skip
def test_envelopes_that_are_malformed(body: bytes) -> None:
    query = SIGNER.stamps("x", stamp=str(NOW))
    assert refused(receive(Push(body, {}, query))) == MALFORMED


LAUGHS = (
    '<!DOCTYPE xml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
DTDS = [
    "<!DOCTYPE xml>",
    LAUGHS,
    '<!DOCTYPE xml SYSTEM "http://127.0.0.1/evil.dtd">',
    '<!DOCTYPE xml [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE xml [<!ENTITY % p SYSTEM "http://127.0.0.1/p"> %p;]>',
    '<?xml version="1.0"?>\n<!DOCTYPE xml [<!ELEMENT xml ANY>]>',
]


@pytest.mark.parametrize("dtd", DTDS)
def test_no_document_type_outside(dtd: str) -> None:
    push = SIGNER.push(SIGNER.message("A", "text", Content="x"), stamp=str(NOW))
    changed = Push(dtd.encode() + push.body, {}, push.query)
    assert refused(receive(changed)) == DTD


@pytest.mark.parametrize("dtd", DTDS)
def test_no_document_type_inside(dtd: str) -> None:
    """The vendor's own libraries parse what they decrypted without a look at it."""
    inner = dtd + SIGNER.message("A", "text", Content="x").replace("A</", "&c;</")
    assert refused(pushed(inner)) == DTD


@pytest.mark.parametrize(
    "inner",
    ["", "hello", "{}", "<xml></xml>", "<xml><MsgType>text</MsgType></xml>", b"\xff",
     "<xml><MsgType>event</MsgType></xml>", "<a/>", "<xml>" + "<a>" * 50 + "</a>" * 50 + "</xml>"],
)  # fmt: skip
def test_plaintexts_that_are_malformed(inner: str | bytes) -> None:
    assert refused(pushed(inner)) == MALFORMED


@pytest.mark.parametrize("name", ["FromUserName", "MsgId", "Content", "MsgType", "MediaId"])
def test_fields_that_must_be_there(name: str) -> None:
    kind, field = ("image", "MediaId") if name == "MediaId" else ("text", "Content")
    inner = SIGNER.message("Alice", kind, "5", **{field: "x"})
    assert refused(pushed(inner.replace(name, "Other"))) == MALFORMED
    twice = inner.replace("</xml>", f"<{name}>y</{name}></xml>")
    assert refused(pushed(twice)) == MALFORMED


@pytest.mark.parametrize("name", ["FromUserName", "CreateTime", "Event"])
def test_fields_of_an_event_that_must_be_there(name: str) -> None:
    inner = SIGNER.event("Alice", "enter_agent")
    assert refused(pushed(inner.replace(f"{name}>", "Other>"))) == MALFORMED


def test_ids_too_long_for_us() -> None:
    assert refused(pushed(SIGNER.message("A" * 201, "text", Content="x"))) == MALFORMED
    assert refused(pushed(SIGNER.message("A", "text", "5" * 201, Content="x"))) == MALFORMED
    click = SIGNER.click("A", "k" * 1025, task="t", code="c", card_type="x")
    assert refused(pushed(click)) == MALFORMED


def test_bodies_too_large_are_not_read() -> None:
    push = Push(b"<xml>" + b"x" * 1024 * 1024, {}, SIGNER.stamps("x"))
    assert refused(receive(push)) == ("reject", 413, "too_large")


# ---- whatever comes ----


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_plaintext_has_a_verdict(plain: bytes) -> None:
    received = pushed(plain)
    assert received.verdict == "reject"
    assert received.reason in REASONS


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["text", "event", "image", "location", "voice"]))
def test_any_field_has_a_verdict(value: str, kind: str) -> None:
    inner = SIGNER.message(value, kind, value, Content=value, Event=value, MediaId=value)
    try:
        plain = inner.encode()
    except UnicodeEncodeError:
        return
    received = pushed(plain)
    assert received.verdict in {"accept", "ignore", "reject"}
    assert received.reason is None or received.reason in REASONS


@settings(max_examples=5000, deadline=None)
@given(st.integers(0, 2**64))
def test_signed_mutations_are_refused_or_understood(seed: int) -> None:
    """Bytes of the inner document are changed and signed anew, as nobody but WeCom could."""
    received = pushed(mutated(random.Random(seed)))
    assert received.verdict in {"accept", "ignore", "reject"}
    assert received.reason is None or received.reason in REASONS
    for message in received.messages:
        assert 1 <= len(message.sender_id) <= 200
        assert "\0" not in message.text


def mutated(dice: random.Random) -> bytes:
    """A genuine document after a few accidents."""
    inner = bytearray(dice.choice(SAMPLES).encode())
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(inner))
        match dice.randrange(5):
            case 0:
                inner[at] = dice.randrange(256)
            case 1:
                del inner[at : at + dice.randint(1, 20)]
            case 2:
                inner[at:at] = dice.randbytes(dice.randint(1, 12))
            case 3:
                inner[at:at] = inner[max(0, at - 30) : at]
            case _:
                inner[at:at] = dice.choice((b"<![CDATA[", b"]]>", b"&#1;", b"<!--", b"<x/>", b"&"))
    return bytes(inner)


SAMPLES = [
    SIGNER.message("Alice", "text", Content="/ping"),
    SIGNER.message("Alice", "location", Location_X="23.1", Location_Y="113.3", Label="x"),
    SIGNER.event("Alice", "enter_agent", EventKey=""),
    SIGNER.click("Bob", "t", task="t", code="c", card_type="multiple_interaction", city="sh"),
]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_an_unsigned_change_is_refused(place: int, change: int) -> None:
    push = SIGNER.push(SAMPLES[0], stamp=str(NOW))
    sealed = push.body.index(b"<Encrypt><![CDATA[") + len(b"<Encrypt><![CDATA[")
    end = push.body.index(b"]]></Encrypt>")
    body = bytearray(push.body)
    at = sealed + place % (end - sealed)
    body[at] ^= change
    assert receive(Push(bytes(body), {}, push.query)).verdict == "reject"


def test_every_byte_of_the_ciphertext_is_signed() -> None:
    push = SIGNER.push(SAMPLES[0], stamp=str(NOW))
    sealed = push.body.split(b"CDATA[")[2].split(b"]]>")[0].decode()
    raw = base64.b64decode(sealed)
    for at in range(len(raw)):
        changed = base64.b64encode(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]).decode()
        body = push.body.replace(sealed.encode(), changed.encode())
        assert refused(receive(Push(body, {}, push.query)))[2] == "bad_signature"
