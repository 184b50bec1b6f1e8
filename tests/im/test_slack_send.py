"""Answers to Slack, through the real door, against a strict stand-in of its API."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from apps.core import clock
from apps.core.http import Door
from apps.im import calls, cards
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
from apps.im.cards import Button, Card, Choice, Fields, Form, Input, Table, Text
from apps.im.tokens import TokenCache
from apps.simulate.server import Answer
from apps.simulate.slack import SlackStand
from apps.simulate.slack_people import BOT_USER, GROUP, PEOPLE

KEY = "0b0e4f6e-6a0b-4d2f-9f0e-2f1d3c4b5a69"
SLACK = get_platform("slack")
POST, UPDATE = "chat.postMessage", "chat.update"
ALICE, BOB = PEOPLE["alice"], PEOPLE["bob"]
TOKEN = "a1.0123456789ab.k1.0123456789abcdef0123"


def context(stand: SlackStand, **config: Any) -> SendContext:
    return SendContext(stand.config(**config), 1, Door(), TokenCache())


def outgoing(card: Card | None = None, **changes: Any) -> Outgoing:
    fields: dict[str, Any] = {
        "key": KEY,
        "role": "answer",
        "chat_id": "D0ALICE",
        "chat_type": "private",
        "card": card or cards.answer("pong", title="/ping"),
        "language": "en",
        "since": clock.timestamp(),
    }
    return Outgoing(**fields | changes)


def in_group(card: Card | None = None, **changes: Any) -> Outgoing:
    return outgoing(card, **{"chat_id": GROUP, "chat_type": "group"} | changes)


def refusal(error: str, **more: Any) -> Answer:
    return Answer(200, {"ok": False, "error": error, **more})


# ---- what is shown ----


async def test_an_answer_is_drawn_in_blocks(slack_stand: SlackStand) -> None:
    card = Card(
        "Hello <!channel>",
        "green",
        (
            Text("*plain* <@U0BOB> & :smile:"),
            Text("**bold** [site](https://example.com/?a=1&b=2)", markdown=True),
            Fields((("name", "value"), ("other", "2 < 3"))),
            cards.Divider(),
            Table(("名称", "n"), (("甲", "1"), ("long name", "22"))),
        ),
        (
            Button("Stop", "/cancel 7", "danger", TOKEN),
            Button("Again", "/retry 7", "default", "t2"),
        ),
    )
    sent = await SLACK.send(context(slack_stand), outgoing(card))
    (shown,) = slack_stand.visible()
    assert (sent.platform_message_id, sent.context) == (shown.message_id, {})
    assert shown.buttons == [("Stop", TOKEN), ("Again", "t2")]
    kinds = [block["type"] for block in shown.raw["blocks"]]
    assert kinds == ["header", *["section"] * 3, "divider", "section", "actions"]
    header, plain, marked, fields, _, table, _ = shown.raw["blocks"]
    assert header["text"]["text"] == "🟢 Hello &lt;!channel&gt;"
    assert plain["text"] == {
        "type": "plain_text",
        "text": "*plain* &lt;@U0BOB&gt; &amp; :smile:",
        "emoji": False,
    }
    assert marked["text"]["text"] == "*bold* <https://example.com/?a=1&amp;b=2|site>"
    assert [one["text"] for one in fields["fields"]] == ["name: value", "other: 2 &lt; 3"]
    assert table["text"]["text"].splitlines() == [
        "```",
        "名称       n",
        "---------  --",
        "甲         1",
        "long name  22",
        "```",
    ]
    assert "/cancel" not in str(shown.raw["blocks"])  # what a button does is nobody's to change


async def test_outside_words_mention_nobody(slack_stand: SlackStand) -> None:
    words = "<!here> <@U0BOB> <!subteam^S1> <https://evil.example|bank>"
    card = Card(words, "blue", (Text(words), Text(words, markdown=True), Fields(((words, words),))))
    await SLACK.send(context(slack_stand), in_group(card))
    (shown,) = slack_stand.visible()
    assert not any(f"<{sign}" in str(shown.raw) for sign in ("!", "@", "https://evil.example|"))


@pytest.mark.parametrize(
    ("changes", "thread"),
    [
        ({"reply_to": "{asked}"}, "{asked}"),
        ({"reply_to": "{asked}", "context": {"thread_ts": "{root}"}}, "{root}"),
        ({"context": {"thread_ts": "{root}"}}, "{root}"),
        ({"reply_to": "V0FORM"}, ""),
        ({}, ""),
    ],
)
async def test_an_answer_in_a_channel_stands_in_the_thread(
    slack_stand: SlackStand, changes: dict[str, Any], thread: str
) -> None:
    names = {
        "{root}": slack_stand.say("begin", group=True).message_id,
        "{asked}": slack_stand.say("/ping", group=True).message_id,
    }
    named: dict[str, Any] = {k: names.get(v, v) for k, v in changes.items() if isinstance(v, str)}
    if "context" in changes:
        named["context"] = {"thread_ts": names["{root}"]}
    await SLACK.send(context(slack_stand), in_group(**named))
    (shown,) = slack_stand.visible()
    assert shown.reply_to == names.get(thread, "")


async def test_in_private_nothing_is_threaded_unless_the_question_was(
    slack_stand: SlackStand,
) -> None:
    asked = slack_stand.say("/ping").message_id
    ctx = context(slack_stand)
    await SLACK.send(ctx, outgoing(reply_to=asked))
    await SLACK.send(ctx, outgoing(key="k2", context={"thread_ts": asked}))
    assert [seen.reply_to for seen in slack_stand.visible()] == ["", asked]


async def test_a_deleted_question_does_not_take_its_answer_along(slack_stand: SlackStand) -> None:
    await SLACK.send(context(slack_stand), in_group(reply_to="1700000000.000001"))
    (shown,) = slack_stand.visible()
    assert (shown.chat, shown.reply_to) == (GROUP, "")


async def test_whoever_asked_is_alerted_in_a_group_only(slack_stand: SlackStand) -> None:
    ctx = context(slack_stand)
    await SLACK.send(ctx, in_group(mention=ALICE))
    await SLACK.send(ctx, outgoing(key="k2", mention=ALICE))
    await SLACK.send(ctx, in_group(key="k3", mention="!channel"))
    first, *others = slack_stand.visible()
    assert first.raw["blocks"][0]["text"]["text"] == f"<@{ALICE}>"
    assert first.raw["text"].startswith(f"<@{ALICE}> ")
    assert not any("<@" in str(one.raw) or "<!" in str(one.raw) for one in others)


async def test_private_words_go_to_the_person_and_can_be_edited_there(
    slack_stand: SlackStand,
) -> None:
    asked = slack_stand.say("/whoami", "bob", group=True).message_id
    ctx, out = context(slack_stand), in_group(private_to=BOB, reply_to=asked, mention=BOB)
    sent = await SLACK.send(ctx, out)
    assert sent.context == {"channel": "D0BOB"}
    edit = in_group(
        cards.answer("newer"),
        private_to=BOB,
        context=sent.context,
        platform_message_id=sent.platform_message_id,
    )
    await SLACK.update(ctx, edit)
    (shown,) = slack_stand.visible()
    assert (shown.chat, shown.reply_to, shown.edits) == ("D0BOB", "", 1)
    assert "newer" in shown.text


async def test_a_command_where_the_bot_is_not_is_answered_to_its_asker(
    slack_stand: SlackStand,
) -> None:
    ctx = context(slack_stand)
    out = in_group(chat_id="C0OTHER", context={"asker": BOB})
    sent = await SLACK.send(ctx, out)
    (shown,) = slack_stand.visible()
    assert (shown.chat, sent.context) == ("D0BOB", {"channel": "D0BOB"})
    with pytest.raises(Permanent, match="invite it") as caught:
        await SLACK.send(ctx, in_group(chat_id="C0OTHER"))
    assert caught.value.vendor_code == "not_in_channel"


async def test_what_happened_in_no_channel_is_answered_to_its_person(
    slack_stand: SlackStand,
) -> None:
    await SLACK.send(context(slack_stand), in_group(chat_id=ALICE, reply_to="V0FORM"))
    (shown,) = slack_stand.visible()
    assert shown.chat == "D0ALICE"


async def test_a_form_is_drawn_and_names_its_inputs(slack_stand: SlackStand) -> None:
    form = Form(
        (
            Input("city", "City", hint="where?"),
            Input("days", "Days", kind="number", required=False),
            Input("day", "Day", kind="date"),
            Input("at", "At", kind="time"),
            Input("kind", "Kind", choices=(Choice("a", "A"), Choice("b", "B" * 100))),
            Input("many", "Many", choices=tuple(Choice(str(n), str(n)) for n in range(101))),
        ),
        Button("Send", "/weather", "primary", TOKEN),
    )
    card = Card("Ask", "orange", (Text("fill in"),), (Button("No", "/cancel", token="t2"),), form)
    await SLACK.send(context(slack_stand), outgoing(card))
    (shown,) = slack_stand.visible()
    assert shown.inputs == ["city", "days", "day", "at", "kind", "many"]
    assert shown.buttons == [("Send", TOKEN), ("No", "t2")]
    inputs = {b["element"]["action_id"]: b for b in shown.raw["blocks"] if b["type"] == "input"}
    kinds = [block["element"]["type"] for block in inputs.values()]
    text = "plain_text_input"
    assert kinds == [text, text, "datepicker", "timepicker", "static_select", text]
    assert [block["optional"] for block in inputs.values()][:2] == [False, True]


# ---- what is long ----


async def test_a_long_answer_arrives_whole(slack_stand: SlackStand) -> None:
    text = "\n".join(f"line {n} 汉字 <&>" for n in range(2000))
    sent = await SLACK.send(context(slack_stand), outgoing(cards.answer(text, title="long")))
    card, *pieces = slack_stand.visible()
    assert card.message_id == sent.platform_message_id
    assert "follows below" in card.text
    assert "".join(one.text for one in pieces) == f"long\n\n{text}"
    assert all(len(one.raw["text"]) <= 4000 for one in pieces)


async def test_code_stays_code_in_every_piece(slack_stand: SlackStand) -> None:
    code = "\n".join(f"    print({n}, '&')" for n in range(900))
    card = Card("code", "blue", (Text(f"See:\n```python\n{code}\n```\nend", markdown=True),))
    await SLACK.send(context(slack_stand), outgoing(card))
    _, *pieces = slack_stand.visible()
    assert len(pieces) > 3
    for one in pieces:
        assert one.text.count("```") == 2
    assert all(call.json().get("mrkdwn", True) for call in slack_stand.calls_to(POST))
    lines = [line for one in pieces for line in one.text.splitlines() if "print" in line]
    assert lines == code.splitlines()


async def test_a_long_title_is_shown_whole(slack_stand: SlackStand) -> None:
    title = "word " * 35
    await SLACK.send(context(slack_stand), outgoing(Card(title, "red", (Text("x"),))))
    (shown,) = slack_stand.visible()
    assert title.strip() in shown.text


async def test_what_fits_into_sections_is_one_message(slack_stand: SlackStand) -> None:
    words = "word " * 1500
    await SLACK.send(context(slack_stand), outgoing(cards.answer(words, markdown=True)))
    (shown,) = slack_stand.visible()
    assert len(shown.raw["blocks"]) == 3
    assert shown.text.replace("\n", "") == words


@pytest.mark.parametrize(
    "error", ["invalid_blocks", "msg_blocks_too_long", "invalid_blocks_format"]
)
async def test_blocks_that_are_refused_become_text_once(
    slack_stand: SlackStand, error: str
) -> None:
    ctx = context(slack_stand)
    slack_stand.fail(POST, "answer", refusal(error), times=1)
    card = cards.answer("pong " * 1500, title="/ping", buttons=[Button("More", "/help")])
    sent = await SLACK.send(ctx, outgoing(card))
    first, *_ = shown = slack_stand.visible()
    assert sent.platform_message_id == first.message_id
    whole = "".join(one.text for one in shown)
    assert all(word in whole for word in ("/ping", "pong", "/help", "More"))
    assert await SLACK.send(ctx, outgoing(card, again=True)) == sent
    assert slack_stand.visible() == shown


# ---- once, whatever happens ----


async def test_a_first_attempt_looks_at_nothing(slack_stand: SlackStand) -> None:
    await SLACK.send(context(slack_stand), outgoing())
    assert [call.path for call in slack_stand.calls] == [f"/api/{POST}"]


@pytest.mark.parametrize("where", ["private", "channel", "thread"])
@pytest.mark.parametrize("kind", ["reset", "cut", "hang"])
async def test_nobody_knows_and_the_repeat_is_safe(
    slack_stand: SlackStand, kind: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "TIMEOUT_S", 0.3)
    asked = slack_stand.say("/ping", group=True).message_id if where == "thread" else ""
    made = {"private": outgoing, "channel": in_group, "thread": in_group}[where]
    ctx = context(slack_stand)
    slack_stand.fail(POST, kind, after=True)
    with pytest.raises(UnknownOutcome):
        await asyncio.wait_for(SLACK.send(ctx, made(reply_to=asked)), 5)
    sent = await SLACK.send(ctx, made(reply_to=asked, again=True))
    (shown,) = slack_stand.visible()
    assert shown.message_id == sent.platform_message_id
    assert "may be a repeat" not in shown.text


@pytest.mark.parametrize("error", ["internal_error", "fatal_error"])
async def test_an_error_that_may_have_been_executed_is_unknown(
    slack_stand: SlackStand, error: str
) -> None:
    slack_stand.fail(POST, "answer", refusal(error), after=True)
    with pytest.raises(UnknownOutcome):
        await SLACK.send(context(slack_stand), outgoing())
    await SLACK.send(context(slack_stand), outgoing(again=True))
    assert len(slack_stand.visible()) == 1


async def test_what_was_not_taken_is_shown_by_the_repeat(slack_stand: SlackStand) -> None:
    ctx = context(slack_stand)
    slack_stand.fail(POST, "reset")
    with pytest.raises(UnknownOutcome):
        await SLACK.send(ctx, outgoing())
    await SLACK.send(ctx, outgoing(again=True))
    assert len(slack_stand.visible()) == 1


@pytest.mark.parametrize("known", [True, False], ids=["told", "looked for"])
async def test_half_of_a_long_answer_is_finished_by_the_repeat(
    slack_stand: SlackStand, known: bool
) -> None:
    ctx, card = context(slack_stand), cards.answer("word " * 5000)
    await SLACK.send(ctx, outgoing(card, key="other"))
    count = len(slack_stand.visible())
    assert count > 4
    slack_stand.limits[POST] = (3, 60)
    with pytest.raises(Later) as caught:
        await SLACK.send(ctx, outgoing(card))
    slack_stand.limits.clear()
    more: dict[str, Any] = {"context": caught.value.done} if known else {"again": True}
    sent = await SLACK.send(ctx, outgoing(card, **more))
    shown = slack_stand.visible()
    assert len(shown) == 2 * count
    assert [one.text for one in shown[count:]] == [one.text for one in shown[:count]]
    assert sent.platform_message_id == shown[count].message_id
    assert bool(slack_stand.calls_to("conversations.history")) != known


async def test_files_that_are_shown_are_not_sent_again(slack_stand: SlackStand) -> None:
    ctx, shares = context(slack_stand), "files.completeUploadExternal"
    out = outgoing(files=tuple(Media(b"%d" % n, f"{n}.txt") for n in range(12)))
    slack_stand.limits[shares] = (1, 60)
    with pytest.raises(Later) as caught:
        await SLACK.send(ctx, out)
    slack_stand.limits.clear()
    await SLACK.send(ctx, replace(out, context=caught.value.done))
    assert [len(seen.files) for seen in slack_stand.visible()] == [0, 10, 2]


async def test_what_is_known_of_another_place_is_not_taken_for_this_one(
    slack_stand: SlackStand,
) -> None:
    there = {"shown": {"C0OTHER/": {"0": "1.000001"}}}
    await SLACK.send(context(slack_stand), in_group(context=there))
    assert len(slack_stand.visible()) == 1


async def test_two_deliveries_with_the_same_words_are_two(slack_stand: SlackStand) -> None:
    ctx = context(slack_stand)
    await SLACK.send(ctx, outgoing())
    await SLACK.send(ctx, outgoing(key="another", again=True))
    assert len(slack_stand.visible()) == 2


async def test_it_is_found_among_many_later_messages(slack_stand: SlackStand) -> None:
    ctx = context(slack_stand)
    sent = await SLACK.send(ctx, in_group())
    for number in range(450):
        slack_stand.say(f"chatter {number}", "bob", group=True, mention=False)
    assert await SLACK.send(ctx, in_group(again=True)) == sent
    assert len(slack_stand.calls_to("conversations.history")) == 3


async def test_who_cannot_look_says_that_it_may_be_a_repeat(slack_stand: SlackStand) -> None:
    slack_stand.scopes.discard("im:history")
    await SLACK.send(context(slack_stand), outgoing(again=True))
    (shown,) = slack_stand.visible()
    assert "may be a repeat" in shown.text


async def test_a_talkative_channel_is_not_read_for_ever(slack_stand: SlackStand) -> None:
    for number in range(1200):
        slack_stand.say(f"chatter {number}", "bob", group=True, mention=False)
    await SLACK.send(context(slack_stand), in_group(again=True))
    assert len(slack_stand.calls_to("conversations.history")) == 5
    assert "may be a repeat" in slack_stand.visible()[0].text


async def test_what_cannot_be_looked_up_now_is_not_sent_now(slack_stand: SlackStand) -> None:
    slack_stand.fail("conversations.history", "answer", Answer(429, None, {"retry-after": "9"}))
    with pytest.raises(Later) as caught:
        await SLACK.send(context(slack_stand), outgoing(again=True))
    assert caught.value.delay_s == 9
    assert not slack_stand.visible()


async def test_a_repeat_shows_the_newest_revision(slack_stand: SlackStand) -> None:
    ctx = context(slack_stand)
    slack_stand.fail(POST, "cut", after=True)
    with pytest.raises(UnknownOutcome):
        await SLACK.send(ctx, outgoing(cards.answer("1 of 2"), role="progress"))
    later = outgoing(cards.answer("2 of 2"), role="progress", revision=1, again=True)
    sent = await SLACK.send(ctx, later)
    (shown,) = slack_stand.visible()
    assert (shown.message_id, shown.edits) == (sent.platform_message_id, 1)
    assert "2 of 2" in shown.text


# ---- errors ----


@pytest.mark.parametrize(
    ("answer", "delay"),
    [
        (Answer(429, {"ok": False, "error": "ratelimited"}, {"retry-after": "30"}), 30.0),
        (Answer(429, None, {"retry-after": "soon"}), 0.0),
        (Answer(503, {"ok": False, "error": "service_unavailable"}, {"retry-after": "2"}), 2.0),
        (refusal("ratelimited"), 0.0),
        (refusal("service_unavailable"), 0.0),
        (refusal("team_added_to_org"), 0.0),
    ],
)
async def test_what_passes_by_itself_is_tried_later(
    slack_stand: SlackStand, answer: Answer, delay: float
) -> None:
    slack_stand.fail(POST, "answer", answer)
    with pytest.raises(Later) as caught:
        await SLACK.send(context(slack_stand), outgoing())
    assert caught.value.delay_s == delay
    assert len(slack_stand.calls) == 1


@pytest.mark.parametrize(
    "answer", [Answer(500), Answer(502), Answer(503), Answer(200, b"<html>"), Answer(200)]
)
async def test_an_answer_that_says_nothing_is_unknown(
    slack_stand: SlackStand, answer: Answer
) -> None:
    slack_stand.fail(POST, "answer", answer)
    with pytest.raises(UnknownOutcome):
        await SLACK.send(context(slack_stand), outgoing())


@pytest.mark.parametrize(
    "error", ["invalid_auth", "not_authed", "token_revoked", "account_inactive", "token_expired"]
)
async def test_a_refused_token_breaks_the_bot(slack_stand: SlackStand, error: str) -> None:
    slack_stand.fail(POST, "answer", refusal(error))
    with pytest.raises(BotBroken) as caught:
        await SLACK.send(context(slack_stand), outgoing())
    assert caught.value.vendor_code == error


async def test_a_wrong_token_breaks_the_bot_and_is_not_told(slack_stand: SlackStand) -> None:
    with pytest.raises(BotBroken) as caught:
        await SLACK.send(context(slack_stand, bot_token="xoxb-wrong-1"), outgoing())
    assert "xoxb-wrong-1" not in str(caught.value)


async def test_a_bot_that_may_not_write_is_broken(slack_stand: SlackStand) -> None:
    slack_stand.scopes.discard("chat:write")
    with pytest.raises(BotBroken, match="chat:write"):
        await SLACK.send(context(slack_stand), outgoing())


@pytest.mark.parametrize("error", ["is_archived", "restricted_action", "user_disabled", "odd_one"])
async def test_what_is_refused_for_good_is_permanent(slack_stand: SlackStand, error: str) -> None:
    slack_stand.fail(POST, "answer", refusal(error), times=3)
    with pytest.raises(Permanent) as caught:
        await SLACK.send(context(slack_stand), outgoing())
    assert not isinstance(caught.value, BotBroken)
    assert caught.value.vendor_code == error


async def test_nothing_listens(slack_stand: SlackStand) -> None:
    with pytest.raises(Later):
        await SLACK.send(context(slack_stand, api_base="http://127.0.0.1:9/api"), outgoing())


# ---- edits ----


async def test_a_card_is_edited_in_place(slack_stand: SlackStand) -> None:
    ctx = context(slack_stand)
    sent = await SLACK.send(ctx, in_group(cards.answer("1 of 2"), role="progress", mention=ALICE))
    stamp = sent.platform_message_id
    edit = in_group(cards.answer("2 of 2"), role="progress", platform_message_id=stamp, revision=1)
    assert (await SLACK.update(ctx, edit)).platform_message_id == stamp
    (shown,) = slack_stand.visible()
    assert ("2 of 2" in shown.text, shown.edits) == (True, 1)
    # It is still found under its key.
    assert await SLACK.send(ctx, in_group(again=True)) == sent


async def test_an_edit_that_is_too_long_is_cut(slack_stand: SlackStand) -> None:
    ctx = context(slack_stand)
    sent = await SLACK.send(ctx, outgoing())
    long = outgoing(cards.answer("汉" * 40_000), platform_message_id=sent.platform_message_id)
    await SLACK.update(ctx, long)
    (shown,) = slack_stand.visible()
    assert shown.edits == 1


async def test_an_edit_that_cannot_be_drawn_becomes_plain_words(slack_stand: SlackStand) -> None:
    ctx = context(slack_stand)
    sent = await SLACK.send(ctx, outgoing())
    slack_stand.fail(UPDATE, "answer", refusal("invalid_blocks"))
    card = Card("t", "red", (Text("words"),), (Button("x", "/x", token="t"),))
    await SLACK.update(ctx, outgoing(card, platform_message_id=sent.platform_message_id))
    (shown,) = slack_stand.visible()
    assert ("words" in shown.text, shown.buttons) == (True, [])


@pytest.mark.parametrize("error", ["edit_window_closed", "cant_update_message", ""])
async def test_an_edit_that_is_refused_is_permanent(slack_stand: SlackStand, error: str) -> None:
    if error:
        slack_stand.fail(UPDATE, "answer", refusal(error))
    with pytest.raises(Permanent):
        await SLACK.update(context(slack_stand), outgoing(platform_message_id="1.000001"))


# ---- files ----


async def test_files_follow_the_card_as_files(slack_stand: SlackStand) -> None:
    asked = slack_stand.say("/report", group=True).message_id
    report = Media(b"a,b\n1,2\n", "报告 1.csv", "text/csv")
    picture = Media(b"\x89PNG", "", "image/png")
    out = in_group(reply_to=asked, files=(report, picture))
    sent = await SLACK.send(context(slack_stand), out)
    card, files = slack_stand.visible()
    assert card.message_id == sent.platform_message_id
    assert files.files == [("报告 1.csv", report.data), ("picture", picture.data)]
    assert (files.chat, files.reply_to) == (GROUP, asked)


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "/upload/", "completeUpload"])
@pytest.mark.parametrize("after", [False, True])
async def test_each_file_is_shown_once(slack_stand: SlackStand, step: str, after: bool) -> None:
    ctx = context(slack_stand)
    out = outgoing(files=(Media(b"1", "a.txt"), Media(b"2", "a.txt")))
    # The first of these calls may be made twice by the door, which does no harm.
    slack_stand.fail(step, "cut", after=after, times=1 if "complete" in step else 2)
    with pytest.raises(UnknownOutcome):
        await SLACK.send(ctx, out)
    slack_stand._faults.clear()
    await SLACK.send(ctx, outgoing(files=out.files, again=True))
    card, files = slack_stand.visible()
    assert [name for name, _ in files.files] == ["a.txt", "a.txt"]
    assert "pong" in card.text


async def test_files_of_another_answer_are_not_taken_for_ours(slack_stand: SlackStand) -> None:
    ctx, file = context(slack_stand), Media(b"same", "same.txt")
    await SLACK.send(ctx, outgoing(key="first", files=(file,)))
    slack_stand.fail("completeUpload", "reset")
    with pytest.raises(UnknownOutcome):
        await SLACK.send(ctx, outgoing(files=(file,)))
    await SLACK.send(ctx, outgoing(files=(file,), again=True))
    assert sum(len(seen.files) for seen in slack_stand.visible()) == 2


async def test_many_files_are_several_messages(slack_stand: SlackStand) -> None:
    files = tuple(Media(b"%d" % n, f"{n}.txt") for n in range(12))
    await SLACK.send(context(slack_stand), outgoing(files=files))
    assert [len(seen.files) for seen in slack_stand.visible()] == [0, 10, 2]


async def test_what_people_send_is_fetched_with_the_token(slack_stand: SlackStand) -> None:
    ctx = context(slack_stand)
    sent = slack_stand.keep(b"%PDF-1", "a b.pdf")
    attachment = {
        "type": "file",
        "key": sent["id"],
        "url": sent["url_private"],
        "name": "x/a b.pdf",
    }
    media = await SLACK.fetch(ctx, attachment, 100)
    assert (media.data, media.name, media.mime) == (b"%PDF-1", "a b.pdf", "application/pdf")
    # A file of a connected workspace comes without its address.
    media = await SLACK.fetch(ctx, {"type": "file", "key": sent["id"]}, 100)
    assert (media.data, media.name) == (b"%PDF-1", "a b.pdf")


async def test_a_page_to_sign_in_is_no_file(slack_stand: SlackStand) -> None:
    slack_stand.scopes.discard("files:read")
    sent = slack_stand.keep(b"voice", "a.m4a")
    attachment = {"type": "voice", "key": sent["id"], "url": sent["url_private"]}
    with pytest.raises(Permanent, match="files:read"):
        await SLACK.fetch(context(slack_stand), attachment, 100)


async def test_a_file_that_is_too_large_is_not_taken(slack_stand: SlackStand) -> None:
    sent = slack_stand.keep(b"x" * 101, "a.bin")
    with pytest.raises(Permanent):
        await SLACK.fetch(context(slack_stand), {"url": sent["url_private"]}, 100)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/files-pri/x",
        "http://files.slack.com/files-pri/x",
        "https://files.slack.com.evil.example/x",
        "https://files.slack.com@evil.example/x",
        "http://169.254.169.254/latest",
        "",
    ],
)
async def test_the_token_goes_nowhere_else(slack_stand: SlackStand, url: str) -> None:
    with pytest.raises(Permanent):
        await SLACK.fetch(context(slack_stand), {"url": url, "key": "F0NONE"}, 100)
    assert not slack_stand.calls_to("/files-pri/")


# ---- signs, check, learn ----


async def test_a_message_that_was_seen_gets_eyes(slack_stand: SlackStand) -> None:
    ctx, asked = context(slack_stand), slack_stand.say("/ping").message_id
    place = Place("D0ALICE", "private", asked, ALICE)
    await SLACK.sign(ctx, place)
    await SLACK.sign(ctx, place)  # "already_reacted" harms nothing
    assert slack_stand.reactions == [("D0ALICE", asked, "eyes")]
    slack_stand.scopes.discard("reactions:write")
    await SLACK.sign(ctx, place)
    await SLACK.sign(ctx, Place("D0ALICE", "private", "", ALICE))
    assert len(slack_stand.calls_to("reactions.add")) == 3


async def test_check_of_a_sound_bot(slack_stand: SlackStand) -> None:
    found = await SLACK.check(context(slack_stand))
    assert all(check.ok for check in found)
    names = {check.name for check in found}
    assert names == {"signing_secret", "bot_token", "scopes", "bot_user_id"}
    streams = await SLACK.check(context(slack_stand, connection="stream", signing_secret=""))
    assert all(check.ok for check in streams)
    assert {"app_token", "socket"} <= {check.name for check in streams}


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        ({"bot_token": ""}, {"bot_token"}),
        ({"bot_token": "xoxb-other"}, {"bot_token"}),
        ({"signing_secret": ""}, {"signing_secret"}),
        ({"bot_user_id": "U0OTHER"}, {"bot_user_id"}),
        ({"bot_user_id": ""}, set()),
        ({"connection": "stream", "app_token": ""}, {"app_token"}),
        ({"connection": "stream", "app_token": "xapp-other"}, {"socket"}),
        ({"api_base": "http://127.0.0.1:9/api"}, {"bot_token"}),
    ],
)
async def test_check_names_exactly_what_is_wrong(
    slack_stand: SlackStand, config: dict[str, str], wrong: set[str]
) -> None:
    found = await SLACK.check(context(slack_stand, **config))
    assert {check.name for check in found if not check.ok} == wrong


async def test_check_names_the_missing_scopes(slack_stand: SlackStand) -> None:
    slack_stand.scopes -= {"files:read", "im:history"}
    (wrong,) = [one for one in await SLACK.check(context(slack_stand)) if not one.ok]
    assert wrong.name == "scopes"
    assert "files:read" in wrong.text.en
    assert "im:history" in wrong.text.zh
    assert "chat:write" not in wrong.text.en


async def test_the_bot_learns_who_it_is(slack_stand: SlackStand) -> None:
    learned = await SLACK.learn(context(slack_stand, bot_user_id=""))
    assert learned == {"bot_user_id": BOT_USER}


def test_what_cannot_be_verified_cannot_be_enabled() -> None:
    assert SLACK.can_enable({"bot_token": "x"})
    assert not SLACK.can_enable({"bot_token": "x", "signing_secret": "s"})
    assert SLACK.can_enable({"signing_secret": "s", "connection": "stream"})
    assert not SLACK.can_enable({"app_token": "xapp-1", "connection": "stream"})
