"""What a homeserver sends: judged by its token, read event by event, never stuck on one."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.im.base import Inbound, InboundRequest, Received, get_platform
from apps.simulate.matrix import MatrixStand
from apps.simulate.matrix_people import BOT, GROUP, HS_TOKEN, PEOPLE, room_of

MATRIX = get_platform("matrix")
STAND = MatrixStand()
CONFIG = STAND.config(api_base="https://matrix.stand.test")
ROOT = "/webhooks/matrix/office"
TRANSACTION = "/_matrix/app/v1/transactions/1"
Event = dict[str, Any]


def ask(
    path: str = TRANSACTION,
    body: Any = None,
    method: str = "PUT",
    query: dict[str, str] | None = None,
    now: float | None = None,
    **headers: str,
) -> Received:
    raw = body if isinstance(body, bytes) else json.dumps(body or {"events": []}).encode()
    named = headers or {"Authorization": f"Bearer {HS_TOKEN}"}
    request = InboundRequest(method, ROOT + path, query or {}, named, raw)
    return MATRIX.receive(CONFIG, request, time.time() if now is None else now)


def events(*found: Event) -> Received:
    return ask(body={"events": list(found)})


def said(content: Event, who: str = "alice", room: str = "", **more: Any) -> Event:
    return STAND.written(content, who, room or room_of("alice"), **more)


def text(body: str, **more: Any) -> Event:
    return {"msgtype": "m.text", "body": body, **more}


def only(received: Received) -> Inbound:
    assert received.verdict == "accept"
    (message,) = received.messages
    return message


def heard(body: str, **more: Any) -> Inbound:
    return only(events(said(text(body, **more))))


# ---- who sends ----


@pytest.mark.parametrize(
    ("headers", "query", "reason"),
    [
        ({"Accept": "*/*"}, {}, "missing_signature"),
        ({"Authorization": "Bearer "}, {}, "missing_signature"),
        ({"Authorization": f"Basic {HS_TOKEN}"}, {}, "missing_signature"),
        ({"Authorization": f"Bearer {HS_TOKEN}x"}, {}, "bad_signature"),
        ({"Authorization": "Bearer ü"}, {}, "bad_signature"),
        ({"Accept": "*/*"}, {"access_token": "x"}, "bad_signature"),
        ({"Authorization": "Bearer x"}, {"access_token": HS_TOKEN}, "bad_signature"),
    ],
)
def test_a_wrong_token_is_refused(
    headers: dict[str, str], query: dict[str, str], reason: str
) -> None:
    received = ask(query=query, **headers)
    assert (received.verdict, received.http_status, received.reason) == ("reject", 403, reason)


def test_nothing_equals_an_empty_token() -> None:
    request = InboundRequest("PUT", TRANSACTION, {}, {"Authorization": "Bearer "}, b"{}")
    assert MATRIX.receive({**CONFIG, "hs_token": ""}, request, time.time()).verdict == "reject"


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"AUTHORIZATION": f"Bearer {HS_TOKEN}"}, {}),
        ({"Authorization": f"bearer {HS_TOKEN}"}, {}),
        ({"Accept": "*/*"}, {"access_token": HS_TOKEN}),  # as servers before Matrix 1.4
    ],
)
def test_the_right_token_is_accepted(headers: dict[str, str], query: dict[str, str]) -> None:
    body = {"events": [said(text("/ping"))]}
    assert only(ask(body=body, query=query, **headers)).text == "/ping"


# ---- what is asked ----


@pytest.mark.parametrize("path", [TRANSACTION, "/transactions/1", "/transactions/a/b"])
def test_a_transaction_under_its_path_and_the_older_one(path: str) -> None:
    assert only(ask(path, {"events": [said(text("/ping"))]})).text == "/ping"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/_matrix/app/v1/users/{BOT}", 200),
        ("GET", f"/users/{BOT}", 200),
        ("GET", "/_matrix/app/v1/users/%40clawdbot%3Astand.test", 200),
        ("GET", "/_matrix/app/v1/users/@other:stand.test", 404),
        ("GET", "/_matrix/app/v1/rooms/#any:stand.test", 404),
        ("POST", "/_matrix/app/v1/ping", 200),
        ("GET", "/_matrix/app/v1/ping", 404),
        ("POST", TRANSACTION, 404),
        ("PUT", "/", 404),
        ("GET", "/_matrix/app/v1/thirdparty/protocol/x", 404),
    ],
)
def test_questions(method: str, path: str, status: int) -> None:
    received = ask(path, {"transaction_id": "x"}, method)
    assert received.http_status == status
    assert not received.messages
    if status == 404:
        assert received.response is not None
        assert received.response["errcode"] in {"M_NOT_FOUND", "M_UNRECOGNIZED"}


def test_a_question_needs_the_token_too() -> None:
    assert ask(f"/_matrix/app/v1/users/{BOT}", method="GET", Accept="x").http_status == 403


# ---- transactions ----


def test_many_events_become_many_messages_in_their_order() -> None:
    found = events(
        said(text("one")), said(text("mine"), who="alice") | {"sender": BOT}, said(text("two"))
    )
    assert [message.text for message in found.messages] == ["one", "two"]


def test_a_message_has_its_keys() -> None:
    event = said(text("/ping"), who="bob", room=GROUP)
    message = only(events(event))
    assert (message.platform, message.kind) == ("matrix", "text")
    assert (message.sender_id, message.chat_id) == (PEOPLE["bob"], GROUP)
    assert (message.chat_type, message.mentions_bot) == (None, False)
    assert message.message_id == event["event_id"]
    assert message.dedupe_key == f"evt:{event['event_id']}"
    assert message.second_key == f"msg:{event['event_id']}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"events": {}}',
        b'{"events": [1]}',
        b'{"events": [], "events": []}',
        b'{"events": [], "x": NaN}',
        b'\xef\xbb\xbf{"events": []}',
        b'{"events": [{}]}',
        b'{"events": [{"type": "m.room.message", "event_id": "$1", "room_id": "!1"}]}',
        b"\xff",
    ],
)
def test_what_no_homeserver_writes_is_malformed(body: bytes) -> None:
    received = ask(body=body)
    assert (received.verdict, received.http_status, received.reason) == (
        "reject", 400, "malformed",
    )  # fmt: skip


def test_a_body_of_more_than_a_mebibyte_is_too_large() -> None:
    assert ask(body=b" " * (1024 * 1024 + 1)).http_status == 413


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "content",
    [text("a\0b"), text("deep", x=deep(80)), text("number", x=float("nan")), text("x", y="\ud800")],
)
def test_what_a_person_makes_unreadable_does_not_stop_the_rest_for_long(content: Event) -> None:
    """A homeserver repeats a refused transaction, and sends nothing else before it is taken."""
    body = {"events": [said(content), said(text("/ping"))]}
    assert ask(body=body).reason == "malformed"
    assert ask(body=body, now=time.time() + 60).messages[0].text == "/ping"
    assert len(ask(body=body, now=time.time() + 60).messages) == 1
    # Whoever lies about the time gains nothing.
    body["events"][0]["origin_server_ts"] += 10**9
    assert len(ask(body=body).messages) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "unsupported_type"),  # redacted
        ({"msgtype": "m.text"}, "unsupported_type"),
        ({"msgtype": 5, "body": "x"}, "unsupported_type"),
        ({"msgtype": "m.text", "body": ["x"]}, "unsupported_type"),
        ({"msgtype": "m.key.verification.request", "body": "x"}, "unsupported_type"),
        ({"msgtype": "m.image", "body": "x", "url": "https://x/y"}, "unsupported_type"),
        ({"msgtype": "m.image", "body": "x", "file": {"url": "mxc://a/b"}}, "unsupported_type"),
        ({"msgtype": "m.location", "body": "x", "geo_uri": "geo:x"}, "unsupported_type"),
        ({"msgtype": "m.location", "body": "x", "geo_uri": "geo:nan,1"}, "unsupported_type"),
        ({"msgtype": "m.notice", "body": "from a bot"}, "from_bot"),
    ],
)
def test_odd_contents_are_passed_over(content: Event, reason: str) -> None:
    received = events(said(content))
    assert (received.verdict, received.http_status, received.reason) == ("ignore", 200, reason)


@pytest.mark.parametrize("kind", ["m.reaction", "m.room.encrypted", "m.sticker"])
def test_other_events_are_passed_over(kind: str) -> None:
    assert events(said(text("x")) | {"type": kind}).reason == "unsupported_event"


def test_our_own_messages_are_passed_over() -> None:
    assert events(said(text("pong")) | {"sender": BOT}).reason == "from_bot"


def test_an_edit_is_passed_over() -> None:
    edit = text("* new", **{"m.new_content": text("new")})
    edit["m.relates_to"] = {"rel_type": "m.replace", "event_id": "$1"}
    assert events(said(edit)).reason == "edited"


def test_names_that_have_no_room_are_passed_over() -> None:
    event = said(text("x")) | {"sender": "@" + "x" * 250 + ":s"}
    assert events(event, said(text("y"))).messages[0].text == "y"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a loaded machine
@given(st.dictionaries(st.sampled_from(["msgtype", "body", "url", "info", "m.relates_to",
    "m.mentions", "formatted_body", "filename", "geo_uri"]), st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20)
        | st.sampled_from(["m.text", "m.audio", "m.thread", "mxc://a/b", "> <@x:y> z"]),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["event_id", "rel_type", "user_ids", "size"]), inner),
        max_leaves=6)))  # fmt: skip
def test_no_content_of_a_person_is_ever_refused_or_raises(content: Event) -> None:
    received = ask(body={"events": [said(content)]}, now=time.time() + 3600)
    assert received.http_status == 200


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(body: bytes) -> None:
    assert ask(body=body).http_status in {200, 400}


# ---- text and mentions ----


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ("/ping", "/ping"),
        ("!ping", "/ping"),
        ("!echo a!b", "/echo a!b"),
        ("!帮助", "/帮助"),
        ("//ping", "/ping"),
        ("  a  \t b \n\n\n\n c ", "a b\n\nc"),
        ("!", "!"),
        ("!! wow", "!! wow"),
        ("so!", "so!"),
        ("/ping\n!pong", "/ping\n!pong"),
    ],
)
def test_texts(body: str, read: str) -> None:
    assert heard(body).text == read


NAMED = {"m.mentions": {"user_ids": [BOT]}}
NOBODY: Event = {"m.mentions": {}}


def pill(label: str, words: str, who: str = BOT) -> Event:
    link = f'<a href="https://matrix.to/#/{who}">{label}</a>'
    return {"format": "org.matrix.custom.html", "formatted_body": f"{link}{words}"}


@pytest.mark.parametrize(
    ("body", "more", "read"),
    [
        ("ClawdBot: /ping", {**NAMED, **pill("ClawdBot", ": /ping")}, "/ping"),
        ("Office Helper: /ping", {**NAMED, **pill("Office Helper", ": /ping")}, "/ping"),
        ("Office Helper /ping", pill("Office Helper", " /ping"), "/ping"),
        ("A &amp; B: hi", pill("A &amp;amp; B", ": hi"), "hi"),
        (f"{BOT}: /ping", NAMED, "/ping"),
        (f"{BOT} /ping", NOBODY, "/ping"),
        (f"please {BOT} help", NAMED, "please help"),
        ("ask Helper about it", {**NAMED, **pill("Helper", "")}, "ask about it"),
        ("@clawdbot /ping", NOBODY, "/ping"),
        ("@clawdbot, hello", {}, "hello"),
        ("clawdbot: hello", NOBODY, "hello"),
        ("ClawdBot, hello", {}, "hello"),
        ("clawdbot：你好", {}, "你好"),
        ("clawdbot !ping", {}, "/ping"),
        ("Helper: /ping", NAMED, "/ping"),  # the name that the room shows, without a pill
        ("Question: why?", NAMED, "Question: why?"),
        ("clawdbot:", {}, ""),
    ],
)
def test_the_bot_is_spoken_to(body: str, more: Event, read: str) -> None:
    message = heard(body, **more)
    assert (message.mentions_bot, message.text) == (True, read)


@pytest.mark.parametrize(
    ("body", "more"),
    [
        ("/ping", {}),
        ("clawdbot is down again", {}),
        ("I like clawdbot: it works", {}),
        ("clawdbots: hello", {}),
        ("@clawdbot2 hello", {}),
        ("@clawdbot:other.org hello", {}),
        ("ClawdBot", {**NOBODY, **pill("ClawdBot", "")}),  # the client says that nobody is meant
        ("Bob: hello", {"m.mentions": {"user_ids": [PEOPLE["bob"]]}, **pill("x", "", "@bob:s")}),
        ("hi", {"m.mentions": {"user_ids": "no list"}}),
        ("hi", {"m.mentions": 7}),
    ],
)
def test_the_bot_is_not_spoken_to(body: str, more: Event) -> None:
    assert heard(body, **more).mentions_bot is False


@pytest.mark.parametrize("more", [{"m.mentions": {"room": True}}, {}])
def test_everybody_is_not_the_bot(more: Event) -> None:
    message = heard("@room /ping", **more)
    assert message.mentions_bot is False
    assert message.extra["mentioned_all"] is True


def reply(answered: str = "$asked", **more: Any) -> Event:
    return {"m.relates_to": {"m.in_reply_to": {"event_id": answered}, **more}}


def test_a_reply_to_the_bot_speaks_to_it_and_its_quotation_is_no_text() -> None:
    body = f"> <{BOT}> pong\n> more\n\n/ping"
    message = heard(body, **reply())
    assert (message.mentions_bot, message.text) == (True, "/ping")
    assert message.extra["reply_to"] == "$asked"


def test_a_reply_to_somebody_else_does_not_even_when_the_bot_is_quoted() -> None:
    quoted = f'<mx-reply><a href="https://matrix.to/#/{BOT}">bot</a></mx-reply>fine'
    body = "> <@bob:s> clawdbot: hi\n\nfine"
    message = heard(body, **reply(), format="org.matrix.custom.html", formatted_body=quoted)
    assert (message.mentions_bot, message.text) == (False, "fine")


def test_a_line_that_only_looks_like_a_quotation_stays() -> None:
    assert heard("> 3 apples\nplease").text == "> 3 apples\nplease"


def test_a_thread_is_kept_for_the_answer() -> None:
    relation = {"rel_type": "m.thread", "event_id": "$root", "is_falling_back": True}
    message = heard("hi", **reply("$last", **relation))
    assert message.extra == {"thread_id": "$root"}
    assert set(MATRIX.context_keys) <= set(message.extra)
    relation["is_falling_back"] = False
    assert heard("hi", **reply("$last", **relation)).extra == {
        "thread_id": "$root", "reply_to": "$last",
    }  # fmt: skip


def test_an_emote_is_text() -> None:
    message = only(events(said({"msgtype": "m.emote", "body": "waves"})))
    assert (message.kind, message.text, message.extra) == ("text", "waves", {"format": "emote"})


# ---- files, voice, places ----

INFO = {"mimetype": "audio/ogg", "size": 2048, "duration": 3200}


@pytest.mark.parametrize(
    ("msgtype", "kind", "what"),
    [
        ("m.image", "image", "image"),
        ("m.file", "file", "file"),
        ("m.video", "file", "video"),
        ("m.audio", "voice", "voice"),
    ],
)
def test_files(msgtype: str, kind: str, what: str) -> None:
    content = {"msgtype": msgtype, "body": "a.bin", "url": "mxc://s/1", "info": INFO}
    message = only(events(said(content)))
    assert (message.kind, message.text) == (kind, "")
    assert message.attachments == [
        {"type": what, "key": "mxc://s/1", "name": "a.bin", "mime": "audio/ogg",
         "duration_ms": 3200, "size": 2048}
    ]  # fmt: skip


def test_a_caption_is_the_text() -> None:
    content = {"msgtype": "m.image", "body": "what is this?", "filename": "a.png"}
    message = only(events(said({**content, "url": "mxc://s/1"})))
    assert message.text == "what is this?"
    assert message.attachments == [{"type": "image", "key": "mxc://s/1", "name": "a.png"}]


@pytest.mark.parametrize("size", [-1, True, "9", 2**60, None])
def test_odd_sizes_are_unknown(size: Any) -> None:
    content = {"msgtype": "m.file", "body": "a", "url": "mxc://s/1", "info": {"size": size}}
    assert "size" not in only(events(said(content))).attachments[0]


def test_a_place() -> None:
    content = {"msgtype": "m.location", "body": "Office", "geo_uri": "geo:31.2,121.5;u=5"}
    message = only(events(said(content)))
    assert (message.kind, message.text) == ("location", "Office")
    assert message.extra == {"lat": 31.2, "lon": 121.5}


# ---- what happens in a room ----


def member(who: str, membership: str, before: str = "", sender: str = "@alice:stand.test") -> Event:
    unsigned = {"prev_content": {"membership": before}} if before else {}
    content = {"membership": membership, "is_direct": True}
    event = STAND.happened(GROUP, sender, "m.room.member", content, who)
    return event | {"unsigned": unsigned}


def test_an_invitation_is_an_event() -> None:
    message = only(events(member(BOT, "invite")))
    assert (message.kind, message.text, message.mentions_bot) == ("event", "", None)
    assert message.extra == {"event": "invite", "is_direct": True}
    assert message.sender_id == PEOPLE["alice"]


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (member(PEOPLE["bob"], "join", sender=PEOPLE["bob"]), True),
        (member(PEOPLE["bob"], "leave", "join"), True),
        (member(PEOPLE["bob"], "invite"), True),
        (member(BOT, "leave", "join"), True),
        (member(PEOPLE["bob"], "join", "join", sender=PEOPLE["bob"]), False),  # a new picture
        (member(BOT, "join", "invite", sender=BOT), False),
    ],
)
def test_who_comes_and_goes(event: Event, told: bool) -> None:
    received = events(event)
    assert [one.extra for one in received.messages] == [{"event": "members"}] * told


def test_encryption_is_an_event() -> None:
    event = STAND.happened(GROUP, PEOPLE["bob"], "m.room.encryption", {"algorithm": "x"}, "")
    assert only(events(event)).extra == {"event": "encrypted"}


def test_other_state_is_passed_over() -> None:
    event = STAND.happened(GROUP, PEOPLE["bob"], "m.room.topic", {"topic": "x"}, "")
    assert events(event).reason == "unsupported_event"


# ---- settings ----


@pytest.mark.parametrize(
    ("user_id", "fine"),
    [(BOT, True), ("clawdbot", False), ("@Clawd:x", False), ("@c:host:8448", True), ("", True)],
)
def test_an_id_that_no_server_gives_cannot_be_enabled(user_id: str, fine: bool) -> None:
    assert bool(MATRIX.can_enable({**CONFIG, "user_id": user_id})) is not fine


def test_the_settings_are_those_of_the_contract() -> None:
    names = [setting.name for setting in MATRIX.all_settings()]
    assert names == ["api_base", "as_token", "hs_token", "user_id"]
    assert all(setting.required for setting in MATRIX.all_settings())


@pytest.mark.parametrize(
    "hostile",
    [
        "<a " * 20_000,
        '<a href="https://matrix.to/#/' + "x" * 60_000,
        '<a href="https://matrix.to/#/x">' * 1900,
        '<a href="https://matrix.to/#/x">' + "<" * 60_000 + "</a>",
        "<mx-reply>" * 6000,
    ],
)
def test_no_formatted_text_takes_long(hostile: str) -> None:
    began = time.process_time()
    message = heard("hi", format="org.matrix.custom.html", formatted_body=hostile)
    assert (message.text, message.mentions_bot) == ("hi", False)
    assert time.process_time() - began < 0.5
