"""Answers to DingTalk, through the real door, against a strict stand-in of its APIs."""

from __future__ import annotations

import asyncio
import io
import json
import time
import zipfile
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.http import Door
from apps.im import calls, cards, dingtalk_card
from apps.im.base import (
    BotBroken,
    DeliveryError,
    Facts,
    InboundRequest,
    Later,
    Media,
    Outgoing,
    Permanent,
    SendContext,
    UnknownOutcome,
    get_platform,
)
from apps.im.cards import Button, Card, Divider, Fields, Table, Text
from apps.im.tokens import TokenCache
from apps.simulate.desk import Push
from apps.simulate.dingtalk import DingTalkStand
from apps.simulate.server import Answer, Fault

KEY = "0b0e4f6e-6a0b-4d2f-9f0e-2f1d3c4b5a69"
DINGTALK = get_platform("dingtalk")
TOKEN, REPLY = "accessToken", "sendBySession"
TO_PERSON, TO_GROUP = "batchSend", "groupMessages/send"
CREATE, REGISTER = "createAndDeliver", "callbacks/register"
ADDRESS = "https://bots.example.com/webhooks/dingtalk/d/"
BUTTONS = (Button("Stop", "/cancel 7", "danger", "tok1"), Button("Again", "/retry 7", token="tok2"))


def context(stand: DingTalkStand, **config: Any) -> SendContext:
    facts = Facts(address=ADDRESS)
    return SendContext(stand.config(**config), 1, Door(), TokenCache(), facts=facts)


def asked(stand: DingTalkStand, **options: Any) -> tuple[Push, dict[str, Any]]:
    """Somebody writes; returns the push and what an answer knows of it."""
    push = stand.say("/ping", **options)
    request = InboundRequest(push.method, "/", push.query, push.headers, push.body)
    received = DINGTALK.receive(stand.config(), request, time.time())
    (message,) = received.messages
    context = {k: message.extra[k] for k in DINGTALK.context_keys if k in message.extra}
    return push, {
        "chat_id": message.chat_id,
        "chat_type": message.chat_type,
        "reply_to": message.message_id,
        "context": context,
    }


def outgoing(card: Card | None = None, **changes: Any) -> Outgoing:
    fields: dict[str, Any] = {
        "key": KEY,
        "role": "answer",
        "chat_id": "cid-group",
        "chat_type": "group",
        "card": card or cards.answer("pong", title="/ping"),
        "language": "en",
    }
    return Outgoing(**fields | changes)


def to_alice(card: Card | None = None, **changes: Any) -> Outgoing:
    there = {"chat_id": "cid-alice", "chat_type": "private", "context": {"staff_id": "staff-alice"}}
    return outgoing(card, **there | changes)


def refusal(code: str, status: int = 400, **more: Any) -> Answer:
    return Answer(status, {"code": code, "message": "refused"} | more)


def old_refusal(code: int) -> Answer:
    return Answer(200, {"errcode": code, "errmsg": "refused"})


def again(out: Outgoing, error: DeliveryError) -> Outgoing:
    """The next attempt, as the outbox makes it."""
    repeat = out.repeat or isinstance(error, UnknownOutcome)
    return replace(out, context={**out.context, **error.done}, repeat=repeat, again=True)


# ---- where answers go ----


async def test_words_go_to_the_messages_own_address(dingtalk_stand: DingTalkStand) -> None:
    push, there = asked(dingtalk_stand)
    sent = await DINGTALK.send(context(dingtalk_stand), outgoing(**there))
    (seen,) = dingtalk_stand.answers_to(push)
    assert seen.text == "### /ping\n\npong"
    assert seen.raw["markdown"]["title"] == "/ping"
    assert sent.platform_message_id
    assert not dingtalk_stand.calls_to(TOKEN)  # it costs nothing of the company's month


async def test_whoever_asked_in_a_group_is_alerted(dingtalk_stand: DingTalkStand) -> None:
    _, there = asked(dingtalk_stand, group=True)
    out = outgoing(**there, mention="staff-alice", mention_name="Alice")
    await DINGTALK.send(context(dingtalk_stand), out)
    (seen,) = dingtalk_stand.visible()
    assert seen.chat == dingtalk_stand.group
    assert seen.raw["at"] == {"atUserIds": ["staff-alice"]}
    assert seen.text.startswith("@staff-alice\n")


async def test_a_guest_is_named_and_not_alerted(dingtalk_stand: DingTalkStand) -> None:
    _, there = asked(dingtalk_stand, group=True)
    out = outgoing(**there, mention="$:LWCP_v1:$x", mention_name="Guest")
    await DINGTALK.send(context(dingtalk_stand), out)
    (seen,) = dingtalk_stand.visible()
    assert seen.text.startswith("@Guest\n")
    assert "at" not in seen.raw


@pytest.mark.parametrize("left_ms", [-1, 0, 30_000])
async def test_an_address_that_ends_is_not_used(
    dingtalk_stand: DingTalkStand, left_ms: int
) -> None:
    _, there = asked(dingtalk_stand)
    there["context"]["reply_url_expires_ms"] = int(time.time() * 1000) + left_ms
    await DINGTALK.send(context(dingtalk_stand), outgoing(**there))
    assert not dingtalk_stand.calls_to(REPLY)
    (seen,) = dingtalk_stand.visible()
    assert (seen.private_to, seen.chat) == ("staff-alice", "cid-alice")


async def test_an_address_that_takes_nothing_is_left_for_the_api(
    dingtalk_stand: DingTalkStand,
) -> None:
    _, there = asked(dingtalk_stand, group=True)
    dingtalk_stand.fail(REPLY, "answer", old_refusal(130101))
    await DINGTALK.send(context(dingtalk_stand), outgoing(**there))
    (seen,) = dingtalk_stand.visible()
    assert (seen.chat, seen.reply_to) == (dingtalk_stand.group, "")


async def test_an_address_of_another_host_is_never_called(dingtalk_stand: DingTalkStand) -> None:
    far = {"reply_url": "http://127.0.0.1:9/x", "reply_url_expires_ms": 2**50}
    await DINGTALK.send(
        context(dingtalk_stand), to_alice(context=far | {"staff_id": "staff-alice"})
    )
    assert len(dingtalk_stand.visible()) == 1


async def test_a_private_word_in_a_group_goes_to_the_person(dingtalk_stand: DingTalkStand) -> None:
    _, there = asked(dingtalk_stand, group=True)
    await DINGTALK.send(context(dingtalk_stand), outgoing(**there, private_to="staff-alice"))
    (seen,) = dingtalk_stand.visible()
    assert (seen.private_to, seen.chat) == ("staff-alice", "cid-alice")
    assert not dingtalk_stand.calls_to(REPLY)


async def test_a_guest_cannot_be_told_anything_privately(dingtalk_stand: DingTalkStand) -> None:
    _, there = asked(dingtalk_stand, group=True)
    with pytest.raises(Permanent, match="staff id"):
        await DINGTALK.send(context(dingtalk_stand), outgoing(**there, private_to="$:LWCP_v1:$x"))
    assert not dingtalk_stand.visible()


async def test_a_private_chat_without_a_way(dingtalk_stand: DingTalkStand) -> None:
    with pytest.raises(Permanent):
        await DINGTALK.send(context(dingtalk_stand), to_alice(context={}))
    await DINGTALK.send(context(dingtalk_stand), to_alice(context={}, chat_id="staff-alice"))
    assert len(dingtalk_stand.visible()) == 1


async def test_people_who_cannot_be_written_to(dingtalk_stand: DingTalkStand) -> None:
    ctx = context(dingtalk_stand)
    with pytest.raises(Permanent):
        await DINGTALK.send(ctx, to_alice(private_to="staff-nobody"))
    dingtalk_stand.flow_controlled.add("staff-alice")
    with pytest.raises(Later) as caught:
        await DINGTALK.send(ctx, to_alice())
    assert caught.value.delay_s > 0
    assert not dingtalk_stand.visible()


# ---- words ----


async def test_everything_on_a_card_is_in_its_words(dingtalk_stand: DingTalkStand) -> None:
    card = Card(
        "Hello",
        "green",
        (
            Text("*plain* snake_case\n# no head"),
            Text("**bold**", markdown=True),
            Fields((("na*me", "va_lue"),)),
            Divider(),
            Table(("a", "b"), (("1", "2"),)),
        ),
        BUTTONS,
    )
    await DINGTALK.send(context(dingtalk_stand, card_template_id=""), outgoing(card))
    (seen,) = dingtalk_stand.visible()
    for words in (
        "### Hello",
        "\\*plain\\* snake_case  \n\\# no head",
        "**bold**",
        "**na\\*me**: va_lue",
        "---",
        "**a** | **b**  \n1 | 2",
        "/cancel 7  (Stop)",
    ):
        assert words in seen.text
    assert "tok1" not in seen.text


@given(st.text(st.characters(exclude_characters="\1"), max_size=80))
def test_plain_words_lose_nothing(text: str) -> None:
    """Whatever is escaped comes out as it went in."""
    drawn = dingtalk_card.plain(text)
    bare = drawn.replace("\\\\", "\1")
    for mark in "`*[]<~_#>-+.)=":
        bare = bare.replace(f"\\{mark}", mark)
    bare = bare.replace("\1", "\\")
    assert [line.rstrip() for line in bare.split("\n")] == [
        line.rstrip() for line in text.split("\n")
    ]


@pytest.mark.parametrize("letter", ["汉", "w ", '"', "x\n", "\\"])
async def test_a_long_answer_arrives_whole_in_pieces(
    dingtalk_stand: DingTalkStand, letter: str
) -> None:
    text = letter * 12_000
    push, there = asked(dingtalk_stand)
    card = cards.answer(text, title="long", markdown=True)
    await DINGTALK.send(context(dingtalk_stand), outgoing(card, **there))
    first, *rest = [seen.text for seen in dingtalk_stand.answers_to(push)]
    assert first.startswith("### long")
    assert "".join([first.removeprefix("### long\n\n"), *rest]) == text


async def test_code_fences_stay_whole_in_pieces(dingtalk_stand: DingTalkStand) -> None:
    lines = "".join(f"print({n})\n" for n in range(3000))
    card = cards.answer(f"see\n\n```py\n{lines}```\nend", markdown=True)
    await DINGTALK.send(context(dingtalk_stand), to_alice(card))
    texts = [seen.text for seen in dingtalk_stand.visible()]
    assert len(texts) > 2
    for text in texts:
        assert text.count("```") == 2
        assert "```py\n" in text
    shown = "".join(texts)
    for mark in ("```py\n", "```"):
        shown = shown.replace(mark, "")
    assert [line for line in shown.split("\n") if "print" in line] == lines.split("\n")[:-1]


async def test_half_of_a_long_answer_is_finished_by_the_next_attempt(
    dingtalk_stand: DingTalkStand,
) -> None:
    ctx = context(dingtalk_stand)
    out = to_alice(cards.answer("word " * 9_000))
    await DINGTALK.send(ctx, out)
    whole = [seen.text for seen in dingtalk_stand.visible()]
    assert len(whole) > 3
    dingtalk_stand._state.shown.clear()
    calls_before = len(dingtalk_stand.calls_to(TO_PERSON))
    dingtalk_stand.trouble = lambda call: (
        None
        if TO_PERSON not in call.path or len(dingtalk_stand.calls_to(TO_PERSON)) < calls_before + 2
        else Fault("", "answer", Answer(429, {}, {"retry-after": "7"}))
    )
    with pytest.raises(Later) as caught:
        await DINGTALK.send(ctx, out)
    assert caught.value.delay_s == 7
    dingtalk_stand.trouble = lambda call: None
    await DINGTALK.send(ctx, again(out, caught.value))
    assert [seen.text for seen in dingtalk_stand.visible()] == whole


async def test_only_the_piece_in_doubt_says_that_it_may_be_a_repeat(
    dingtalk_stand: DingTalkStand,
) -> None:
    ctx = context(dingtalk_stand)
    out = to_alice(cards.answer("word " * 6_000))
    dingtalk_stand.fail(TO_PERSON, "answer", Answer(500), after=True)
    with pytest.raises(UnknownOutcome) as caught:
        await DINGTALK.send(ctx, out)
    await DINGTALK.send(ctx, again(out, caught.value))
    texts = [seen.text for seen in dingtalk_stand.visible()]
    assert ["may be a repeat" in text for text in texts[:2]] == [False, True]
    assert not any("may be a repeat" in text for text in texts[2:])


# ---- cards ----


async def test_buttons_make_a_card(dingtalk_stand: DingTalkStand) -> None:
    push, there = asked(dingtalk_stand)
    card = Card("Task 7", "blue", (Text("1 of 2"),), BUTTONS)
    sent = await DINGTALK.send(context(dingtalk_stand), outgoing(card, **there))
    (seen,) = dingtalk_stand.answers_to(push)
    assert sent.platform_message_id == seen.message_id == KEY
    assert seen.buttons == [("Stop", "tok1"), ("Again", "tok2")]
    assert "/cancel" not in json.dumps(seen.raw)
    assert seen.text == "Task 7\n\n1 of 2"
    assert seen.raw["callbackType"] == "HTTP"
    registered = dingtalk_stand.calls_to(REGISTER)[0].json()
    assert registered["callbackUrl"] == ADDRESS


async def test_a_click_on_it_is_genuine(dingtalk_stand: DingTalkStand) -> None:
    card = Card("Task 7", "blue", (), BUTTONS)
    await DINGTALK.send(context(dingtalk_stand), outgoing(card))
    (seen,) = dingtalk_stand.visible()
    push = dingtalk_stand.click(seen, seen.buttons[0][1], "bob")
    request = InboundRequest("POST", "/", {}, push.headers, push.body)
    (message,) = DINGTALK.receive(dingtalk_stand.config(), request, time.time()).messages
    assert (message.sender_id, message.extra["action"]) == ("staff-bob", "tok1")
    assert (message.chat_id, message.message_id) == (dingtalk_stand.group, KEY)


async def test_clicks_of_a_stream_need_no_address(dingtalk_stand: DingTalkStand) -> None:
    card = Card("Task 7", "blue", (), BUTTONS)
    await DINGTALK.send(context(dingtalk_stand, connection="stream"), outgoing(card))
    (seen,) = dingtalk_stand.visible()
    assert seen.raw["callbackType"] == "STREAM"
    assert not dingtalk_stand.calls_to(REGISTER)


async def test_the_address_for_clicks_is_registered_once(dingtalk_stand: DingTalkStand) -> None:
    ctx = context(dingtalk_stand)
    for number in range(3):
        await DINGTALK.send(ctx, outgoing(Card("x", "blue", (), BUTTONS), key=f"k{number}"))
    assert len(dingtalk_stand.calls_to(REGISTER)) == 1


async def test_a_card_alerts_whom_it_is_for(dingtalk_stand: DingTalkStand) -> None:
    out = outgoing(Card("x", "blue", (), BUTTONS), mention="staff-bob", mention_name="Bob")
    await DINGTALK.send(context(dingtalk_stand), out)
    (seen,) = dingtalk_stand.visible()
    assert seen.raw["imGroupOpenDeliverModel"]["atUserIds"] == {"staff-bob": "Bob"}


async def test_progress_is_one_card_that_is_edited(dingtalk_stand: DingTalkStand) -> None:
    ctx = context(dingtalk_stand)
    out = to_alice(cards.answer("1 of 2"), role="progress")
    sent = await DINGTALK.send(ctx, out)
    edit = replace(
        out,
        card=cards.answer("2 of 2"),
        platform_message_id=sent.platform_message_id,
        revision=1,
    )
    # A click in a private chat names the person.
    assert sent.context == {"channel": "staff-alice"}
    changed = await DINGTALK.update(ctx, edit)
    assert changed.platform_message_id == sent.platform_message_id
    (seen,) = dingtalk_stand.visible()
    assert (seen.text, seen.edits) == ("2 of 2", 1)
    dingtalk_stand._state.cards.clear()
    with pytest.raises(Permanent):
        await DINGTALK.update(ctx, edit)


async def test_progress_without_a_template_is_said_once_where_it_costs_nothing(
    dingtalk_stand: DingTalkStand,
) -> None:
    ctx = context(dingtalk_stand, card_template_id="")
    push, there = asked(dingtalk_stand)
    out = outgoing(Card("Task 7", "blue", (Text("working"),), BUTTONS), role="progress", **there)
    sent = await DINGTALK.send(ctx, out)
    edit = replace(out, platform_message_id=sent.platform_message_id, revision=1)
    assert (await DINGTALK.update(ctx, edit)).platform_message_id == sent.platform_message_id
    (seen,) = dingtalk_stand.answers_to(push)
    assert "/cancel 7" in seen.text
    sent = await DINGTALK.send(ctx, to_alice(role="progress"))  # no reply address
    assert sent.platform_message_id
    assert len(dingtalk_stand.visible()) == 1
    assert not dingtalk_stand.calls_to(TO_PERSON)


async def test_a_card_that_may_be_there_is_not_shown_twice(dingtalk_stand: DingTalkStand) -> None:
    ctx, out = context(dingtalk_stand), to_alice(Card("1", "blue", (), BUTTONS))
    dingtalk_stand.fail(CREATE, "answer", Answer(500), after=True)
    with pytest.raises(UnknownOutcome) as caught:
        await DINGTALK.send(ctx, out)
    newer = replace(again(out, caught.value), card=Card("2", "blue", (), BUTTONS), revision=1)
    sent = await DINGTALK.send(ctx, newer)
    (seen,) = dingtalk_stand.visible()
    assert (seen.text, seen.message_id) == ("2", sent.platform_message_id)
    assert "repeat" not in seen.text


@pytest.mark.parametrize(
    "code", ["param.templateNotExist", "param.templateUnpublished", "param.contentUnsafe"]
)
async def test_a_card_that_is_refused_becomes_words(
    dingtalk_stand: DingTalkStand, code: str
) -> None:
    dingtalk_stand.fail(CREATE, "answer", refusal(code))
    out = outgoing(Card("Task 7", "blue", (Text("done"),), BUTTONS))
    await DINGTALK.send(context(dingtalk_stand), out)
    (seen,) = dingtalk_stand.visible()
    assert "done" in seen.text
    assert "/cancel 7" in seen.text


async def test_without_the_permission_for_cards_words_are_sent(
    dingtalk_stand: DingTalkStand,
) -> None:
    dingtalk_stand.scopes.discard("Card.Instance.Write")
    await DINGTALK.send(context(dingtalk_stand), outgoing(Card("x", "blue", (), BUTTONS)))
    assert "/cancel 7" in dingtalk_stand.visible()[0].text


async def test_a_card_that_reached_nobody_is_no_answer(dingtalk_stand: DingTalkStand) -> None:
    """DingTalk says 200, keeps the card, and shows it to nobody: the next attempt knows that."""
    ctx, out = context(dingtalk_stand), outgoing(Card("Task 7", "blue", (), BUTTONS))
    dingtalk_stand.undeliverable = True
    dingtalk_stand.fail(TO_GROUP, "answer", Answer(429))
    with pytest.raises(Later) as caught:
        await DINGTALK.send(ctx, out)
    assert not dingtalk_stand.visible()
    await DINGTALK.send(ctx, again(out, caught.value))
    (seen,) = dingtalk_stand.visible()
    assert "/cancel 7" in seen.text


async def test_a_card_that_is_too_long_is_followed_by_the_whole_answer(
    dingtalk_stand: DingTalkStand,
) -> None:
    card = Card("Task 7", "blue", (Text("汉字 " * 1000),), BUTTONS)
    await DINGTALK.send(context(dingtalk_stand), outgoing(card, mention="staff-bob"))
    first, second = dingtalk_stand.visible()
    assert first.buttons
    assert "follows below" in first.text
    assert second.text.count("汉字") == 1000
    assert "@" not in second.text


async def test_buttons_that_do_not_fit_become_commands(dingtalk_stand: DingTalkStand) -> None:
    many = tuple(Button(f"按钮名称很长 {n}", f"/c {n}", token=f"t{n}" + "x" * 50) for n in range(9))
    await DINGTALK.send(context(dingtalk_stand), outgoing(Card("x", "blue", (), many)))
    seen = dingtalk_stand.visible()[0]
    assert 2 <= len(seen.buttons) < 9
    for number in range(len(seen.buttons), 9):
        assert f"/c {number}  " in seen.text


# ---- errors ----


async def test_the_token_is_fetched_once_and_again_when_it_is_refused(
    dingtalk_stand: DingTalkStand,
) -> None:
    ctx = context(dingtalk_stand)
    await DINGTALK.send(ctx, to_alice())
    await DINGTALK.send(ctx, to_alice())
    assert len(dingtalk_stand.calls_to(TOKEN)) == 1
    dingtalk_stand.revoke_tokens()
    await DINGTALK.send(ctx, to_alice())
    assert len(dingtalk_stand.calls_to(TOKEN)) == 2
    assert len(dingtalk_stand.visible()) == 3


@pytest.mark.parametrize("status", [400, 401])
async def test_a_token_that_is_always_refused_is_refreshed_once(
    dingtalk_stand: DingTalkStand, status: int
) -> None:
    dingtalk_stand.fail(TO_PERSON, "answer", refusal("InvalidAuthentication", status), times=5)
    with pytest.raises(Later):
        await DINGTALK.send(context(dingtalk_stand), to_alice())
    assert len(dingtalk_stand.calls_to(TO_PERSON)) == 2
    assert len(dingtalk_stand.calls_to(TOKEN)) == 2


@pytest.mark.parametrize(
    ("answer", "delay"),
    [
        (Answer(429, {}, {"retry-after": "7"}), 7.0),
        (Answer(429), 1.0),
        (refusal("Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", 403), 1.0),
        (refusal("Forbidden.AccessDenied.QpsLimitForApi", 403), 1.0),
        (refusal("Throttling.User"), 1.0),
        (refusal("system.busy", 500), 1.0),
        (Answer(503, {"code": "ServiceUnavailable"}, {"retry-after": "3"}), 3.0),
        (Answer(200, {"status": 1111, "wait": 5, "punish": "deny"}), 300.0),
        (Answer(403, {"status": 1111, "wait": 5, "punish": "deny"}), 300.0),
    ],
)
async def test_what_passes_by_itself_is_tried_later(
    dingtalk_stand: DingTalkStand, answer: Answer, delay: float
) -> None:
    dingtalk_stand.fail(TO_PERSON, "answer", answer)
    with pytest.raises(Later) as caught:
        await DINGTALK.send(context(dingtalk_stand), to_alice())
    assert caught.value.delay_s == delay
    assert len(dingtalk_stand.calls_to(TO_PERSON)) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (refusal("invalidParameter.msgParam.invalid"), Permanent, "refused"),
        (refusal("Forbidden.AccessDenied.ApiCountLimitForOrg", 403), Permanent, "month"),
        (
            refusal(
                "Forbidden.AccessDenied.AccessTokenPermissionDenied",
                403,
                accessdenieddetail={"requiredScopes": ["qyapi_robot_sendmsg"]},
            ),
            Permanent,
            "qyapi_robot_sendmsg",
        ),
        (refusal("invalidParameter.robotCode.notExsit"), BotBroken, "refused"),
        (refusal("Forbidden.AccessDenied.IpNotInWhiteList", 403), BotBroken, "refused"),
        (refusal("unknown.send.result"), UnknownOutcome, "refused"),
        (Answer(500), UnknownOutcome, "500"),
        (Answer(502, "<html>"), UnknownOutcome, "502"),
    ],
)
async def test_refusals(
    dingtalk_stand: DingTalkStand, answer: Answer, kind: type[DeliveryError], words: str
) -> None:
    dingtalk_stand.fail(TO_PERSON, "answer", answer)
    with pytest.raises(kind, match=words) as caught:
        await DINGTALK.send(context(dingtalk_stand), to_alice())
    assert isinstance(caught.value, BotBroken) == (kind is BotBroken)
    assert len(dingtalk_stand.calls_to(TO_PERSON)) == 1


async def test_wrong_credentials_break_the_bot(dingtalk_stand: DingTalkStand) -> None:
    with pytest.raises(BotBroken, match="app_secret") as caught:
        await DINGTALK.send(context(dingtalk_stand, app_secret="wrong-secret"), to_alice())
    assert "wrong-secret" not in str(caught.value)


@pytest.mark.parametrize("kind", ["reset", "cut", "hang"])
@pytest.mark.parametrize("path", [TO_PERSON, TOKEN])
async def test_a_connection_that_breaks(
    dingtalk_stand: DingTalkStand, kind: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "TIMEOUT_S", 0.3)
    dingtalk_stand.fail(path, kind, after=True, times=2)
    expected = Later if path == TOKEN else UnknownOutcome  # nothing was sent yet
    with pytest.raises(expected):
        await asyncio.wait_for(DINGTALK.send(context(dingtalk_stand), to_alice()), 5)


async def test_nothing_listens(dingtalk_stand: DingTalkStand) -> None:
    ctx = context(dingtalk_stand, api_base="http://127.0.0.1:9")
    with pytest.raises(Later):
        await DINGTALK.send(ctx, to_alice())


# ---- files ----


def with_file(media: Media, **changes: Any) -> Outgoing:
    return to_alice(cards.answer("see"), files=(media,), **changes)


async def test_pictures_and_files_follow_the_answer(dingtalk_stand: DingTalkStand) -> None:
    files = (
        Media(b"\x89PNG", "图.png", "image/png"),
        Media(b"%PDF", "报告.pdf", "application/pdf"),
        Media(b"OggS", "a.ogg", "audio/ogg", 1500),
    )
    await DINGTALK.send(context(dingtalk_stand), to_alice(cards.answer("see"), files=files))
    words, *shown = dingtalk_stand.visible()
    assert words.text == "see"
    assert [seen.raw["msgKey"] for seen in shown] == ["sampleImageMsg", "sampleFile", "sampleAudio"]
    assert [seen.files[0][1] for seen in shown] == [media.data for media in files]
    assert json.loads(shown[1].raw["msgParam"])["fileName"] == "报告.pdf"
    assert json.loads(shown[2].raw["msgParam"])["duration"] == "1500"


async def test_kinds_that_dingtalk_does_not_show_go_in_a_zip(dingtalk_stand: DingTalkStand) -> None:
    media = Media(b"a,b\n1,2\n", "表 1.csv", "text/csv")
    await DINGTALK.send(context(dingtalk_stand), with_file(media))
    name, data = dingtalk_stand.visible()[1].files[0]
    assert name == "表 1.csv.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("表 1.csv") == media.data


async def test_a_file_that_is_refused_is_named(dingtalk_stand: DingTalkStand) -> None:
    dingtalk_stand.fail("/media/upload", "answer", old_refusal(40006))
    media = Media(b"%PDF", "big.pdf", "application/pdf")
    await DINGTALK.send(context(dingtalk_stand), with_file(media))
    words, note = dingtalk_stand.visible()
    assert words.text == "see"
    assert "big.pdf" in note.text


async def test_a_file_that_waits_does_not_repeat_the_answer(dingtalk_stand: DingTalkStand) -> None:
    ctx = context(dingtalk_stand)
    out = with_file(Media(b"%PDF", "a.pdf", "application/pdf"))
    dingtalk_stand.fail("/media/upload", "answer", Answer(503))
    with pytest.raises(Later) as caught:
        await DINGTALK.send(ctx, out)
    await DINGTALK.send(ctx, again(out, caught.value))
    assert [bool(seen.files) for seen in dingtalk_stand.visible()] == [False, True]


async def test_the_token_of_uploads_is_refreshed_too(dingtalk_stand: DingTalkStand) -> None:
    ctx = context(dingtalk_stand)
    media = Media(b"%PDF", "a.pdf", "application/pdf")
    await DINGTALK.send(ctx, with_file(media))
    dingtalk_stand.revoke_tokens()
    await DINGTALK.send(ctx, with_file(media))
    assert len(dingtalk_stand.calls_to("/gettoken")) == 2


async def fetched(stand: DingTalkStand, push: Push, limit: int = 1000, **config: Any) -> Media:
    request = InboundRequest("POST", "/", {}, push.headers, push.body)
    (message,) = DINGTALK.receive(stand.config(), request, time.time()).messages
    return await DINGTALK.fetch(context(stand, **config), message.attachments[0], limit)


async def test_what_people_send_can_be_fetched(dingtalk_stand: DingTalkStand) -> None:
    media = await fetched(dingtalk_stand, dingtalk_stand.send_file(b"%PDF", "a.pdf"))
    assert (media.data, media.name) == (b"%PDF", "a.pdf")
    push = dingtalk_stand.send_file(b"#!AMR", "v.amr", voice=True, transcript="hello")
    assert (await fetched(dingtalk_stand, push)).duration_ms == 1200


async def test_files_that_cannot_be_fetched(dingtalk_stand: DingTalkStand) -> None:
    push = dingtalk_stand.send_file(b"x" * 2000, "a.pdf")
    with pytest.raises(Permanent, match="1000 bytes"):
        await fetched(dingtalk_stand, push)
    dingtalk_stand.sent_files.clear()
    with pytest.raises(Permanent):
        await fetched(dingtalk_stand, push)
    for status, kind in ((404, Permanent), (429, Later), (503, Later)):
        push = dingtalk_stand.send_file(b"x", "a.pdf")
        dingtalk_stand.fail("/files/", "answer", Answer(status))
        with pytest.raises(kind):
            await fetched(dingtalk_stand, push)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x",
        "https://evil.example/x",
        "http://169.254.169.254/latest",
        "https://aliyuncs.com.evil.example/x",
        "ftp://x.aliyuncs.com/x",
        "",
        5,
    ],
)
async def test_files_come_from_dingtalk_or_not_at_all(
    dingtalk_stand: DingTalkStand, url: Any
) -> None:
    push = dingtalk_stand.send_file(b"x", "a.pdf")
    dingtalk_stand.fail("messageFiles", "answer", Answer(200, {"downloadUrl": url}))
    with pytest.raises(Permanent):
        await fetched(dingtalk_stand, push)
    assert not dingtalk_stand.calls_to("/files/")


# ---- check ----


async def test_check_of_a_sound_bot(dingtalk_stand: DingTalkStand) -> None:
    found = await DINGTALK.check(context(dingtalk_stand))
    assert all(check.ok for check in found), found
    assert {check.name for check in found} == {
        *("app_secret", "write_to_people", "write_to_groups", "fetch_files", "robot_code"),
        *("card_template_id", "card_callback"),
    }
    again_ = await DINGTALK.check(context(dingtalk_stand, connection="stream"))
    assert all(check.ok for check in again_)
    assert "stream" in {check.name for check in again_}
    assert not dingtalk_stand.visible()


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        ({"app_key": ""}, {"app_key"}),
        ({"app_secret": ""}, {"app_secret"}),
        ({"app_secret": "other"}, {"app_secret"}),
        ({"robot_code": "other"}, {"robot_code"}),
        ({"robot_code": ""}, set()),
        ({"card_template_id": "other.schema"}, {"card_template_id"}),
        ({"card_template_id": ""}, set()),
        ({"event_aes_key": ""}, {"event_subscription"}),
        ({"api_base": "http://127.0.0.1:9"}, {"app_secret"}),
    ],
)
async def test_check_names_exactly_what_is_wrong(
    dingtalk_stand: DingTalkStand, config: dict[str, str], wrong: set[str]
) -> None:
    found = await DINGTALK.check(context(dingtalk_stand, **config))
    assert {check.name for check in found if not check.ok} == wrong


async def test_check_names_missing_permissions(dingtalk_stand: DingTalkStand) -> None:
    dingtalk_stand.scopes.clear()
    found = await DINGTALK.check(context(dingtalk_stand))
    wrong = {check.name: check.text for check in found if not check.ok}
    assert "qyapi_robot_sendmsg" in wrong["write_to_people"].zh
    assert "qyapi_robot_sendmsg" in wrong["write_to_groups"].en
    assert "Card.Instance.Write" in wrong["card_template_id"].zh
    assert "Card.Instance.Write" in wrong["card_callback"].en


async def test_check_says_that_this_machine_is_not_on_the_list(
    dingtalk_stand: DingTalkStand,
) -> None:
    dingtalk_stand.on_the_list = False
    found = await DINGTALK.check(context(dingtalk_stand))
    assert "ip_whitelist" in {check.name for check in found if not check.ok}
