"""Answers to Matrix, through the real door, against a strict stand-in of a homeserver."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core import strictjson
from apps.core.http import Door
from apps.im import calls, cards, matrix_card, matrix_html
from apps.im.base import (
    BotBroken,
    Later,
    Media,
    Outgoing,
    Permanent,
    Place,
    SendContext,
    UnknownOutcome,
    get_platform,
)
from apps.im.cards import Button, Card, Divider, Fields, Table, Text
from apps.im.fitting import fit
from apps.im.tokens import TokenCache
from apps.simulate.matrix import MatrixStand
from apps.simulate.matrix_people import BOT, GROUP, PEOPLE, room_of
from apps.simulate.server import Answer

MATRIX = get_platform("matrix")
KEY = "0b0e4f6e-6a0b-4d2f-9f0e-2f1d3c4b5a69"
SEND = "/send/m.room.message/"
ALICE = room_of("alice")
LETTERS = st.sampled_from('a"\\<&汉\n`\0\x01\x1f')


@pytest.fixture
def stand() -> Iterator[MatrixStand]:
    with MatrixStand() as made:
        yield made


def context(stand: MatrixStand, **config: Any) -> SendContext:
    return SendContext(stand.config(**config), 1, Door(), TokenCache())


def outgoing(card: Card | None = None, **changes: Any) -> Outgoing:
    fields: dict[str, Any] = {
        "key": KEY,
        "role": "answer",
        "chat_id": ALICE,
        "chat_type": "private",
        "card": card or cards.answer("pong"),
        "language": "en",
    }
    return Outgoing(**fields | changes)


def refusal(status: int, errcode: str, **headers: str) -> Answer:
    return Answer(status, {"errcode": errcode, "error": "no"}, headers)


async def test_an_answer_is_words_and_html(stand: MatrixStand) -> None:
    card = Card(
        "Hello <b>",
        "green",
        (
            Text("**plain** <i>\nnext"),
            Text("**bold**", markdown=True),
            Fields((("name", "value"),)),
            Divider(),
            Table(("a", "b"), (("1", "2"),)),
        ),
        (Button("Stop", "/cancel 7", "danger", "token"), Button("Again", "/retry 7")),
    )
    sent = await MATRIX.send(context(stand), outgoing(card, reply_to="$asked"))
    (seen,) = stand.visible()
    assert (seen.message_id, seen.chat, seen.reply_to) == (
        sent.platform_message_id, ALICE, "$asked",
    )  # fmt: skip
    for word in ("Hello <b>", "**plain** <i>", "name: value", "1 | 2", "!cancel 7", "!retry 7"):
        assert word in seen.text
    drawn = seen.raw["content"]["formatted_body"]
    for piece in (
        "Hello &lt;b&gt;</font></h4>",
        "<p>**plain** &lt;i&gt;<br>next</p>",
        "<strong>bold</strong>",
        "<strong>name</strong>: value",
        "<hr>",
        "<th>a</th>",
        "<td>2</td>",
        "<code>!cancel 7</code> Stop",
    ):
        assert piece in drawn
    assert "token" not in str(seen.raw)
    assert seen.raw["content"]["m.mentions"] == {}


@pytest.mark.parametrize(
    ("role", "kind"), [("answer", "m.text"), ("notice", "m.text"), ("progress", "m.notice")]
)
async def test_only_progress_is_a_notice(stand: MatrixStand, role: str, kind: str) -> None:
    await MATRIX.send(context(stand), outgoing(role=role))
    assert stand.visible()[0].raw["content"]["msgtype"] == kind


async def test_an_answer_stays_in_its_thread(stand: MatrixStand) -> None:
    out = outgoing(cards.answer("word " * 20_000), reply_to="$q", context={"thread_id": "$root"})
    await MATRIX.send(context(stand), out)
    seen = stand.visible()
    assert len(seen) > 1
    for one in seen:
        assert one.raw["content"]["m.relates_to"] == {
            "rel_type": "m.thread",
            "event_id": "$root",
            "is_falling_back": True,
            "m.in_reply_to": {"event_id": "$q"},
        }


async def test_a_mention_alerts_and_nothing_else_does(stand: MatrixStand) -> None:
    text = f"@room and {PEOPLE['bob']} were told <a href='https://matrix.to/#/{PEOPLE['bob']}'>"
    out = outgoing(cards.answer(text), chat_id=GROUP, chat_type="group")
    await MATRIX.send(context(stand), out)
    named = outgoing(chat_id=GROUP, chat_type="group", key="2", mention=PEOPLE["bob"])
    await MATRIX.send(context(stand), named)
    plain, calling = (one.raw["content"] for one in stand.visible())
    assert plain["m.mentions"] == {}
    assert "<a" not in plain["formatted_body"]
    assert calling["m.mentions"] == {"user_ids": [PEOPLE["bob"]]}
    assert calling["body"] == "bob: pong"
    assert f'<a href="https://matrix.to/#/{PEOPLE["bob"]}">bob</a>: ' in calling["formatted_body"]


# ---- repeats ----


async def test_a_repeat_shows_nothing_twice_also_after_a_restart(stand: MatrixStand) -> None:
    ctx = context(stand)
    first = await MATRIX.send(ctx, outgoing())
    stand.restart()
    assert await MATRIX.send(context(stand), outgoing()) == first
    assert len(stand.visible()) == 1
    assert stand.devices


@pytest.mark.parametrize("how", ["put", ""])
async def test_a_homeserver_without_that_login_makes_the_device_another_way_or_none(
    how: str,
) -> None:
    with MatrixStand(makes_devices=how) as stand:
        ctx = context(stand)
        first = await MATRIX.send(ctx, outgoing())
        assert await MATRIX.send(ctx, outgoing()) == first
        assert len(stand.visible()) == 1
        assert bool(stand.devices) is (how == "put")


async def test_a_device_that_was_removed_is_made_again(stand: MatrixStand) -> None:
    ctx = context(stand)
    await MATRIX.send(ctx, outgoing())
    stand.devices.clear()
    await MATRIX.send(ctx, outgoing(key="2"))
    assert len(stand.visible()) == 2
    assert stand.devices


async def test_the_device_is_made_once(stand: MatrixStand) -> None:
    ctx = context(stand)
    await asyncio.gather(*(MATRIX.send(ctx, outgoing(key=str(n))) for n in range(5)))
    assert len(stand.calls_to("/login")) == 1


@pytest.mark.parametrize("kind", ["reset", "cut", "hang"])
async def test_nobody_knows_and_the_repeat_is_safe(
    stand: MatrixStand, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "TIMEOUT_S", 0.3)
    ctx = context(stand)
    stand.fail(SEND, kind, after=True, times=2)
    with pytest.raises(UnknownOutcome):
        await asyncio.wait_for(MATRIX.send(ctx, outgoing()), 5)
    stand._faults.clear()
    sent = await MATRIX.send(ctx, outgoing())
    (seen,) = stand.visible()
    assert seen.message_id == sent.platform_message_id


async def test_an_odd_key_is_one_part_of_the_path(stand: MatrixStand) -> None:
    await MATRIX.send(context(stand), outgoing(key="a/b?c"))
    assert len(stand.visible()) == 1


# ---- long answers ----


async def test_a_long_answer_arrives_whole_and_once(stand: MatrixStand) -> None:
    text = "\n".join(f'line {n} 汉字 "quoted" <at>' for n in range(4000))
    ctx, out = context(stand), outgoing(cards.answer(text, title="long"))
    stand.fail(f"{KEY}-1", "answer", stand.too_many(7), times=1)
    with pytest.raises(Later) as caught:
        await MATRIX.send(ctx, out)
    assert caught.value.delay_s == 7
    first = await MATRIX.send(ctx, out)
    card, *pieces = stand.visible()
    assert card.message_id == first.platform_message_id
    assert "follows below" in card.text
    assert "".join(one.text for one in pieces) == f"long\n\n{text}"


async def test_a_fence_that_is_cut_is_closed_and_opened_again(stand: MatrixStand) -> None:
    code = "\n".join(f"print({n})" for n in range(4000))
    text = f"before\n```python\n{code}\n```\nafter"
    await MATRIX.send(context(stand), outgoing(cards.answer(text, markdown=True)))
    _, *pieces = stand.visible()
    assert len(pieces) > 1
    for one in pieces:
        assert len(re.findall(r"^```", one.text, re.MULTILINE)) % 2 == 0
    lines = "\n".join(one.text for one in pieces).split("\n")
    assert [line for line in lines if line.startswith("print")] == code.split("\n")


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=LETTERS, min_size=1, max_size=20), st.integers(1, 6000))
def test_no_event_is_ever_too_large(text: str, times: int) -> None:
    card = cards.answer(text * times, title="t", buttons=[Button("x", "/x")])
    fitted = fit(card, matrix_card.LIMITS, "en")
    assert matrix_card.size(fitted.card) <= matrix_card.MAX_CONTENT
    for piece in matrix_card.pieces("".join(fitted.rest)):
        assert len(strictjson.dumps(piece).encode()) <= matrix_card.MAX_CONTENT


async def test_control_characters_are_left_out(stand: MatrixStand) -> None:
    await MATRIX.send(context(stand), outgoing(cards.answer("a\0\x1bb\r\nc")))
    assert stand.visible()[0].text == "ab\nc"


# ---- edits ----


async def test_a_message_is_edited_in_place(stand: MatrixStand) -> None:
    ctx = context(stand)
    sent = await MATRIX.send(ctx, outgoing(cards.answer("1 of 2"), role="progress"))
    edit = outgoing(
        cards.answer("2 of 2"),
        role="progress",
        platform_message_id=sent.platform_message_id,
        revision=1,
    )
    for _ in range(2):
        assert (await MATRIX.update(ctx, edit)).platform_message_id == sent.platform_message_id
    (seen,) = stand.visible()
    assert (seen.text, seen.edits) == ("2 of 2", 1)
    assert seen.raw["content"]["body"].startswith("* 2 of 2")


async def test_a_repeat_shows_the_newest_revision(stand: MatrixStand) -> None:
    ctx = context(stand)
    stand.fail(SEND, "cut", after=True, times=2)
    with pytest.raises(UnknownOutcome):
        await MATRIX.send(ctx, outgoing(cards.answer("1 of 2"), role="progress"))
    stand._faults.clear()
    await MATRIX.send(ctx, outgoing(cards.answer("2 of 2"), role="progress", revision=1))
    (seen,) = stand.visible()
    assert seen.text == "2 of 2"


async def test_an_edit_that_is_too_long_is_cut(stand: MatrixStand) -> None:
    ctx = context(stand)
    sent = await MATRIX.send(ctx, outgoing())
    long = outgoing(
        cards.answer("汉" * 90_000), platform_message_id=sent.platform_message_id, revision=1
    )
    await MATRIX.update(ctx, long)
    (seen,) = stand.visible()
    assert seen.edits == 1


# ---- to one person alone ----


def private(**changes: Any) -> Outgoing:
    fields = {"chat_id": GROUP, "chat_type": "group", "private_to": PEOPLE["bob"]}
    return outgoing(**fields | {"reply_to": "$q", "context": {"thread_id": "$r"}} | changes)


async def test_private_words_go_to_a_room_for_two(stand: MatrixStand) -> None:
    ctx = context(stand)
    sent = await MATRIX.send(ctx, private())
    await MATRIX.send(ctx, private(key="2"))
    first, second = stand.visible()
    assert first.chat == second.chat == sent.context["channel"]
    assert (first.private_to, first.reply_to) == (PEOPLE["bob"], "")
    assert stand.direct == {PEOPLE["bob"]: [first.chat]}
    assert len(stand.calls_to("/createRoom")) == 1
    edit = private(platform_message_id=sent.platform_message_id, revision=1, context=sent.context)
    await MATRIX.update(ctx, edit)
    assert stand.visible()[0].edits == 1


async def test_a_room_that_is_known_is_used_by_every_process(stand: MatrixStand) -> None:
    stand.direct = {PEOPLE["bob"]: ["!gone:x", room_of("bob")], "@else:x": ["!1:x"]}
    await MATRIX.send(context(stand), private())
    assert stand.visible()[0].chat == room_of("bob")
    assert not stand.calls_to("/createRoom")


@pytest.mark.parametrize("bob", ["leave", "ban"])
async def test_a_room_that_the_person_left_is_not_used(stand: MatrixStand, bob: str) -> None:
    stand.direct = {PEOPLE["bob"]: [room_of("bob")]}
    stand.members[room_of("bob")][PEOPLE["bob"]] = bob
    await MATRIX.send(context(stand), private())
    assert stand.visible()[0].chat != room_of("bob")
    assert stand.direct[PEOPLE["bob"]][0] == room_of("bob")


async def test_a_room_where_others_are_is_not_private(stand: MatrixStand) -> None:
    stand.direct = {PEOPLE["bob"]: [room_of("bob")]}
    stand.members[room_of("bob")][PEOPLE["mallory"]] = "invite"
    await MATRIX.send(context(stand), private())
    assert stand.visible()[0].chat != room_of("bob")


async def test_a_room_from_which_we_were_removed_is_looked_for_anew(stand: MatrixStand) -> None:
    ctx = context(stand)
    sent = await MATRIX.send(ctx, private())
    stand.members[sent.context["channel"]][BOT] = "leave"
    again = await MATRIX.send(ctx, private(key="2"))
    assert again.context["channel"] != sent.context["channel"]


async def test_in_a_room_for_two_everything_is_private_already(stand: MatrixStand) -> None:
    await MATRIX.send(context(stand), outgoing(private_to=PEOPLE["alice"], reply_to="$q"))
    assert (stand.visible()[0].chat, stand.visible()[0].reply_to) == (ALICE, "$q")


# ---- files ----


async def test_files_go_out_once_each_as_what_they_are(stand: MatrixStand) -> None:
    files = (
        Media(b"png", "a.png", "image/png"),
        Media(b"csv", "t.csv", "text/csv"),
        Media(b"ogg", "v.ogg", "audio/ogg", duration_ms=900),
        Media(b"?"),
    )
    ctx, out = context(stand), outgoing(files=files)
    for _ in range(2):
        await MATRIX.send(ctx, out)
    _, *seen = stand.visible()
    kinds = [one.raw["content"]["msgtype"] for one in seen]
    assert kinds == ["m.image", "m.file", "m.audio", "m.file"]
    assert [one.files for one in seen] == [
        [("a.png", b"png")], [("t.csv", b"csv")], [("v.ogg", b"ogg")], [("", b"?")],
    ]  # fmt: skip
    assert seen[2].raw["content"]["info"] == {
        "size": 3, "mimetype": "audio/ogg", "duration": 900,
    }  # fmt: skip


async def test_a_file_that_the_server_does_not_take_is_permanent(stand: MatrixStand) -> None:
    stand.fail("/upload", "answer", refusal(413, "M_TOO_LARGE"))
    with pytest.raises(Permanent):
        await MATRIX.send(context(stand), outgoing(files=(Media(b"x", "x"),)))


@pytest.mark.parametrize("authenticated", [True, False])
async def test_what_people_send_is_fetched(stand: MatrixStand, authenticated: bool) -> None:
    stand.authenticated_media = authenticated
    push = stand.send_file(b"spoken", "voice.ogg", voice=True)
    content = stand.timeline[ALICE][-1]["content"]
    attachment = {"type": "voice", "key": content["url"], "name": "../voice.ogg"}
    media = await MATRIX.fetch(context(stand), attachment, 100)
    assert (media.data, media.name, media.mime) == (b"spoken", "voice.ogg", "audio/ogg")
    assert push.message_id


async def test_no_more_than_the_limit_is_fetched(stand: MatrixStand) -> None:
    stand.media["mxc://stand.test/1"] = ("a", "text/plain", b"x" * 101)
    attachment = {"key": "mxc://stand.test/1"}
    with pytest.raises(Permanent):
        await MATRIX.fetch(context(stand), attachment, 100)
    assert len((await MATRIX.fetch(context(stand), attachment, 101)).data) == 101


@pytest.mark.parametrize("key", ["mxc://stand.test/gone", "https://x/y", "", "mxc://a/../b"])
async def test_what_is_not_there_is_permanent(stand: MatrixStand, key: str) -> None:
    with pytest.raises(Permanent):
        await MATRIX.fetch(context(stand), {"key": key}, 100)


# ---- errors ----


@pytest.mark.parametrize(
    ("answer", "kind", "delay"),
    [
        (MatrixStand().too_many(3), Later, 3.0),
        (Answer(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1500}), Later, 1.5),
        (Answer(429, {"errcode": "M_LIMIT_EXCEEDED"}), Later, 0.0),
        (Answer(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 10**9}), Later, 3600.0),
        (Answer(429, None, {"retry-after": "4"}), Later, 4.0),
        (refusal(500, "M_UNKNOWN"), Later, 0.0),
        (Answer(502, "<html>"), Later, 0.0),
        (Answer(404, "<html>"), Later, 0.0),
        (refusal(401, "M_UNKNOWN_TOKEN"), BotBroken, None),
        (refusal(401, "M_MISSING_TOKEN"), BotBroken, None),
        (refusal(403, "M_USER_DEACTIVATED"), BotBroken, None),
        (refusal(403, "M_FORBIDDEN"), Permanent, None),
        (refusal(413, "M_TOO_LARGE"), Permanent, None),
        (refusal(400, "M_BAD_JSON"), Permanent, None),
        (refusal(404, "M_UNRECOGNIZED"), Permanent, None),
        (Answer(200, {}), UnknownOutcome, None),
        (Answer(200, "<html>"), UnknownOutcome, None),
    ],
)
async def test_errors(
    stand: MatrixStand, answer: Answer, kind: type[Exception], delay: float | None
) -> None:
    stand.fail(SEND, "answer", answer)
    with pytest.raises(kind) as caught:
        await MATRIX.send(context(stand), outgoing())
    assert type(caught.value) is kind or kind is Permanent
    assert isinstance(caught.value, BotBroken) is (kind is BotBroken)
    assert delay is None or getattr(caught.value, "delay_s") == delay  # noqa: B009
    assert len(stand.calls_to(SEND)) == 1


async def test_a_wrong_token_is_never_told(stand: MatrixStand) -> None:
    with pytest.raises(BotBroken) as caught:
        await MATRIX.send(context(stand, as_token="secret-as-token"), outgoing())
    assert "secret-as-token" not in str(caught.value)


async def test_a_room_that_we_are_not_in_is_permanent(stand: MatrixStand) -> None:
    with pytest.raises(Permanent):
        await MATRIX.send(context(stand), outgoing(chat_id="!none:x/../y"))


async def test_nothing_listens(stand: MatrixStand) -> None:
    with pytest.raises(Later):
        await MATRIX.send(context(stand, api_base="http://127.0.0.1:9"), outgoing())


async def test_a_sign_of_life_is_typing(stand: MatrixStand) -> None:
    await MATRIX.sign(context(stand), Place(ALICE, "private", "$1", PEOPLE["alice"]))
    assert stand.typing == [ALICE]


# ---- HTML ----


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("a <b> & c", "<p>a &lt;b&gt; &amp; c</p>"),
        ("# One\ntwo", "<h1>One</h1><p>two</p>"),
        ("- a\n- b\n\n1. c", "<ul><li>a</li><li>b</li></ul><ol><li>c</li></ol>"),
        ("> q\n> r", "<blockquote>q<br>r</blockquote>"),
        ("---", "<hr>"),
        ("```py\n<x>\n```", '<pre><code class="language-py">&lt;x&gt;</code></pre>'),
        ("```\nopen", "<pre><code>open</code></pre>"),
        ("**b** *i* ~~d~~ `**c**`",
         "<p><strong>b</strong> <em>i</em> <del>d</del> <code>**c**</code></p>"),
        ("2*3*4 and a * b", "<p>2*3*4 and a * b</p>"),
        ("[x](https://a.b/c_d*e*)", '<p><a href="https://a.b/c_d*e*">x</a></p>'),
        ("[x](javascript:alert)", "<p>[x](javascript:alert)</p>"),
        ('[x](https://a.b/"onload=)', '<p><a href="https://a.b/&quot;onload=">x</a></p>'),
        ("a\nb\n\nc", "<p>a<br>b</p><p>c</p>"),
    ],
)  # fmt: skip
def test_markdown(text: str, drawn: str) -> None:
    assert matrix_html.markdown(text) == drawn


OWN_TAGS = re.compile(
    r"</?(?:p|br|h[1-6]|ul|ol|li|blockquote|hr|pre|strong|em|del)>|</code>|</a>"
    r'|<code(?: class="[^"<>]*")?>|<a href="https?://[^"<>]*">'
)


@given(st.text(alphabet="ab<>&\"'*_~`[]()#->.1 \nhtps:/", max_size=80))
def test_markdown_makes_only_its_own_tags(text: str) -> None:
    assert not re.search("[<>]", OWN_TAGS.sub("", matrix_html.markdown(text)))


@pytest.mark.parametrize("hostile", ["[" * 12_000, "![" * 6000, "**a " * 3000, "~~a " * 3000])
def test_no_markdown_takes_long(hostile: str) -> None:
    began = time.process_time()
    matrix_html.markdown(hostile)
    assert time.process_time() - began < 0.7
