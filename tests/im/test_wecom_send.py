"""Answers to people in WeCom, through the real door, against a strict stand-in of its API."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from apps.core.http import Door
from apps.im import calls, cards, wecom_card
from apps.im.base import (
    BotBroken,
    InboundRequest,
    Later,
    Media,
    Outgoing,
    Permanent,
    SendContext,
    UnknownOutcome,
    get_platform,
)
from apps.im.cards import Button, Card, Choice, Fields, Form, Input, Table, Text
from apps.im.tokens import TokenCache
from apps.simulate.desk import Push, Seen
from apps.simulate.server import Answer, Call, Fault
from apps.simulate.wecom import WeComStand

KEY = "0b0e4f6e-6a0b-4d2f-9f0e-2f1d3c4b5a69"
WECOM = get_platform("wecom")
SEND = "/cgi-bin/message/send"
UPDATE = "/cgi-bin/message/update_template_card"
TOKEN = "/cgi-bin/gettoken"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def stand() -> Iterator[WeComStand]:
    """WeCom's API on loopback."""
    with WeComStand() as made:
        yield made


@pytest.fixture
def ctx(stand: WeComStand) -> SendContext:
    return context(stand)


def context(stand: WeComStand, **config: Any) -> SendContext:
    return SendContext(stand.config(**config), 1, Door(), TokenCache())


def outgoing(card: Card | None = None, **changes: Any) -> Outgoing:
    fields: dict[str, Any] = {
        "key": KEY,
        "role": "answer",
        "chat_id": "Alice",
        "chat_type": "private",
        "card": card or cards.answer("pong"),
        "language": "en",
    }
    return Outgoing(**fields | changes)


def signed(label: str, cmd: str = "/x", **changes: Any) -> Button:
    return Button(label, cmd, token=f"1f.{cmd.strip('/')}.k.mac", **changes)


def refusal(code: int, msg: str = "refused") -> Answer:
    return Answer(200, {"errcode": code, "errmsg": msg})


def texts(stand: WeComStand) -> list[str]:
    return [one.text for one in stand.visible()]


def one(stand: WeComStand) -> Seen:
    (seen,) = stand.visible()
    return seen


# ---- words ----


async def test_an_answer_is_a_text(stand: WeComStand, ctx: SendContext) -> None:
    sent = await WECOM.send(ctx, outgoing(cards.answer("pong", title="/ping")))
    seen = one(stand)
    assert (seen.text, seen.chat, seen.raw.kind) == ("/ping\n\npong", "Alice", "text")
    assert sent.platform_message_id == seen.message_id
    assert sent.context == {}


async def test_private_words_go_to_the_person(stand: WeComStand, ctx: SendContext) -> None:
    await WECOM.send(ctx, outgoing(private_to="Bob"))
    assert one(stand).chat == "Bob"


async def test_markup_is_markdown(stand: WeComStand, ctx: SendContext) -> None:
    await WECOM.send(ctx, outgoing(cards.answer("## head\n**bold**", markdown=True)))
    assert (one(stand).raw.kind, one(stand).text) == ("markdown", "## head\n**bold**")


@pytest.mark.parametrize(
    "card",
    [
        cards.answer("nothing to draw", markdown=True),
        cards.answer("**b**\n```\n# no head\n```", markdown=True),
        cards.answer("**b**\n| a | b |", markdown=True),
        cards.answer("**letter by letter**"),
        Card("a *title*", "blue", (Text("**bold**", markdown=True),)),
        Card("", "blue", (Text("**bold**", markdown=True), Text("a [link](x)"))),
        Card("", "blue", (Text("**bold**", markdown=True), Table(("a",), (("1",),)))),
    ],
)
async def test_what_markdown_would_spoil_is_text(
    stand: WeComStand, ctx: SendContext, card: Card
) -> None:
    await WECOM.send(ctx, outgoing(card))
    assert one(stand).raw.kind == "text"
    assert one(stand).text == cards.to_text(card, "en")


async def test_words_from_outside_hide_nothing(stand: WeComStand, ctx: SendContext) -> None:
    words = 'see <a href="http://evil">this</a> <A HREF=x> <@all> a < b \x00\x08\x1b[1m\tok'
    await WECOM.send(ctx, outgoing(cards.answer(words)))
    content = one(stand).raw.body["content"].lower()
    assert "<a" not in content
    assert "</a" not in content
    assert "<@" not in content
    assert "a < b [1m\tok" in content


async def test_a_long_answer_arrives_whole_in_pieces(stand: WeComStand, ctx: SendContext) -> None:
    text = "\n".join(f"line {n} 汉字汉字" for n in range(300))
    await WECOM.send(ctx, outgoing(cards.answer(text)))
    assert "".join(texts(stand)) == text
    assert 3 < len(texts(stand)) <= 8


async def test_an_answer_that_would_flood_the_chat_is_a_file(
    stand: WeComStand, ctx: SendContext
) -> None:
    """What is more than 30 messages a minute is dropped without a word."""
    text = "汉" * 40_000
    await WECOM.send(ctx, outgoing(cards.answer(text)))
    first, note, file = stand.visible()
    assert text.startswith(first.text)
    assert "in the file" in note.text
    assert file.files == [("answer.txt", text.encode())]


# ---- repeats ----


async def test_a_repeat_shows_nothing_twice(stand: WeComStand, ctx: SendContext) -> None:
    out = outgoing(
        cards.answer("word " * 1000, buttons=[signed("Help")]), files=(Media(PNG, "a.png"),)
    )
    first = await WECOM.send(ctx, out)
    seen = len(stand.visible())
    again = await WECOM.send(ctx, out)
    assert again.platform_message_id == first.platform_message_id
    assert len(stand.visible()) == seen == 5


async def test_two_honest_pongs_are_two(stand: WeComStand, ctx: SendContext) -> None:
    await WECOM.send(ctx, outgoing())
    await WECOM.send(ctx, outgoing(key=KEY.replace("0", "1")))
    assert texts(stand) == ["pong", "pong"]


async def test_what_says_the_same_twice_in_one_answer_is_said_twice(
    stand: WeComStand, ctx: SendContext
) -> None:
    line = "x" * (wecom_card.TEXT_BYTES - wecom_card.MARKER_BYTES - 1) + "\n"
    await WECOM.send(ctx, outgoing(cards.answer(line * 2 + "end")))
    assert texts(stand) == [line, line, "end"]


@pytest.mark.parametrize("kind", ["reset", "cut", "hang"])
async def test_nobody_knows_and_the_repeat_is_safe(
    stand: WeComStand, ctx: SendContext, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "TIMEOUT_S", 0.3)
    stand.fail(SEND, kind, after=True, times=2)
    with pytest.raises(UnknownOutcome):
        await asyncio.wait_for(WECOM.send(ctx, outgoing()), 5)
    stand._faults.clear()
    sent = await WECOM.send(ctx, outgoing())
    assert one(stand).message_id == sent.platform_message_id


async def test_half_of_an_answer_is_finished_by_the_next_attempts(
    stand: WeComStand, ctx: SendContext
) -> None:
    """What is known to be shown is not even tried again."""
    files = (Media(PNG, "a.png", "image/png"), Media(b"hello world"))
    out = outgoing(cards.answer("汉字 " * 800), files=files)
    stand.trouble = Some()
    attempts = await until_sent(ctx, out)
    assert attempts > 2
    words = [seen for seen in stand.visible() if not seen.files]
    assert "".join(seen.text for seen in words) == "汉字 " * 800
    files_seen = [seen.files[0][1] for seen in stand.visible() if seen.files]
    assert files_seen == [PNG, b"hello world"]
    taken = [call.body for call in stand.calls_to(SEND)]
    assert len(taken) < len(stand.visible()) + attempts


async def until_sent(ctx: SendContext, out: Outgoing) -> int:
    """Try as the sender does, with what was done before; returns the number of attempts."""
    for attempt in range(1, 50):
        try:
            await WECOM.send(ctx, out)
            return attempt
        except (Later, UnknownOutcome) as error:
            out = replace(out, context={**out.context, **error.done})
    raise AssertionError("it is never sent")


class Some:
    """Each third call is taken and not answered, or not taken."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, call: Call) -> Fault | None:
        self.count += 1
        if self.count % 3:
            return None
        return Fault("", "answer", Answer(503), after=self.count % 2 == 0)


# ---- cards ----


async def test_buttons_are_a_card(stand: WeComStand, ctx: SendContext) -> None:
    card = Card(
        "Approve?",
        "orange",
        (Text("Alice wants a day off"), Fields((("Days", "1"), ("From", "Monday")))),
        (signed("Yes", "/approve 7", style="primary"), signed("No", "/deny 7", style="danger")),
    )
    sent = await WECOM.send(ctx, outgoing(card))
    seen = one(stand)
    assert seen.buttons == [("Yes", "1f.approve 7.k.mac"), ("No", "1f.deny 7.k.mac")]
    for word in ("Approve?", "a day off", "Days: 1", "From: Monday"):
        assert word in seen.text
    assert seen.raw.task == KEY
    assert sent.context["response_code"] in stand.sheet.codes
    body = stand.calls_to(SEND)[0].json()
    assert "/approve" not in str(body["template_card"]["button_list"][0]["text"])


async def test_a_card_that_is_too_small_has_its_words_above(
    stand: WeComStand, ctx: SendContext
) -> None:
    text = "\n".join(f"row {n}: 汉字" for n in range(60))
    card = cards.answer(text, title="Report", buttons=[signed("Again", "/again")])
    sent = await WECOM.send(ctx, outgoing(card))
    words, drawn = stand.visible()
    assert words.text == f"Report\n\n{text}"
    assert (drawn.buttons, drawn.text.splitlines()[0]) == ([("Again", "1f.again.k.mac")], "Report")
    assert sent.platform_message_id == drawn.message_id


async def test_more_buttons_than_a_card_has_are_commands(
    stand: WeComStand, ctx: SendContext
) -> None:
    buttons = [signed(f"b{n}", f"/b{n}") for n in range(7)]
    await WECOM.send(ctx, outgoing(cards.answer("x", buttons=buttons)))
    assert all(f"/b{n}  (b{n})" in one(stand).text for n in range(7))


async def test_buttons_without_a_token_are_commands(stand: WeComStand, ctx: SendContext) -> None:
    await WECOM.send(ctx, outgoing(cards.answer("x", buttons=[Button("Go", "/go")])))
    assert "/go  (Go)" in one(stand).text


@pytest.mark.parametrize("label", ["", " ", "汉" * 30, "a very long label of a button"])
async def test_labels_of_any_length(stand: WeComStand, ctx: SendContext, label: str) -> None:
    card = cards.answer("x", title="汉" * 50, buttons=[signed(label, "/go"), signed("2", "/go")])
    await WECOM.send(ctx, outgoing(card))
    drawn = stand.visible()[-1]
    assert len(drawn.buttons) == 1  # both would say the same
    assert "汉" * 50 in "".join(texts(stand))


@pytest.mark.parametrize("code", [40058, 43012, 47001])
async def test_a_card_that_is_refused_becomes_words(
    stand: WeComStand, ctx: SendContext, code: int
) -> None:
    stand.fail(SEND, "answer", refusal(code))
    await WECOM.send(ctx, outgoing(cards.answer("pong", buttons=[signed("More", "/help")])))
    assert one(stand).text == "pong\n\nCommands you can type:\n/help  (More)"


FORM = Form(
    (
        Input("city", "Which city?", choices=(Choice("sh", "Shanghai"), Choice("bj", "Beijing"))),
        Input("day", "Which day?", choices=(Choice("mon", "Monday"),)),
    ),
    signed("Send", "/weather"),
)


async def test_a_form_of_choices_is_lists_to_pick_from(stand: WeComStand, ctx: SendContext) -> None:
    await WECOM.send(ctx, outgoing(Card("Weather", "blue", (Text("Where?"),), (), FORM)))
    seen = one(stand)
    assert (seen.inputs, seen.buttons) == (["city", "day"], [("Send", "1f.weather.k.mac")])
    assert all(word in seen.text for word in ("Weather", "Where?", "Which city?", "Shanghai"))


async def test_a_form_with_buttons_keeps_both(stand: WeComStand, ctx: SendContext) -> None:
    card = Card("Weather", "blue", (Text("Where?"),), (signed("Cancel", "/cancel 7"),), FORM)
    await WECOM.send(ctx, outgoing(card))
    words, form = stand.visible()
    assert "/cancel 7  (Cancel)" in words.text
    assert form.inputs == ["city", "day"]


@pytest.mark.parametrize(
    "inputs",
    [
        (Input("name", "Your name?"),),
        (Input("n", "Your name?", choices=tuple(Choice(str(n), "x") for n in range(11))),),
        (Input("n", "Your name?", choices=(Choice("v" * 129, "x"),)),),
        (Input("n", "Your name?", choices=(Choice("a,b", "x"),)),),
        (Input("n", "Your name?", choices=(Choice("a", "x"), Choice("a", "y"))),),
        (Input("n", "Your name?", required=False, choices=(Choice("a", "x"),)),),
        tuple(Input(f"n{n}", "Your name?", choices=(Choice("a", "x"),)) for n in range(4)),
    ],
)
async def test_a_form_that_cannot_be_drawn_asks_in_words(
    stand: WeComStand, ctx: SendContext, inputs: tuple[Input, ...]
) -> None:
    form = Form(inputs, signed("Send", "/hello"))
    await WECOM.send(ctx, outgoing(Card("", "blue", (Text("Who are you?"),), (), form)))
    seen = one(stand)
    assert seen.text.startswith("Who are you?")
    assert "Please reply" not in seen.text  # it asks already
    assert all(f"- {c.value}  ({c.label})" in seen.text for c in inputs[0].choices)


async def test_a_form_without_a_word_is_asked_for(stand: WeComStand, ctx: SendContext) -> None:
    form = Form((Input("name", "Your name?"),), signed("Send", "/hello"))
    await WECOM.send(ctx, outgoing(Card(form=form)))
    assert one(stand).text == "Please reply with: Your name?"


# ---- edits ----


def step(text: str, *, color: Any = "blue", stop: bool = True, **changes: Any) -> Outgoing:
    buttons = (signed("Cancel", "/cancel 7"),) if stop else ()
    card = Card("Working", color, (Text(text),), buttons)
    return outgoing(card, role="progress", **changes)


async def test_a_progress_card_is_edited_once_at_its_end(
    stand: WeComStand, ctx: SendContext
) -> None:
    sent = await WECOM.send(ctx, step("1 of 3"))
    held = dict(sent.context)

    def later(text: str, revision: int, **changes: Any) -> Outgoing:
        named = {"platform_message_id": sent.platform_message_id, "context": dict(held)}
        return step(text, revision=revision, **named, **changes)

    for revision, text in enumerate(("2 of 3", "3 of 3"), start=1):
        update = await WECOM.update(ctx, later(text, revision))
        assert (update.platform_message_id, update.context) == (sent.platform_message_id, {})
    assert (one(stand).edits, stand.calls_to(UPDATE)) == (0, [])
    done = later("done in 3 s", 3, color="green", stop=False)
    update = await WECOM.update(ctx, done)
    held |= update.context
    seen = one(stand)
    assert (seen.edits, seen.buttons) == (1, [])
    assert "done in 3 s" in seen.text
    # The code is spent: what comes after it is passed over and counts as shown.
    await WECOM.update(ctx, later("done again", 4, color="green", stop=False))
    assert len(stand.calls_to(UPDATE)) == 1


async def test_a_click_brings_another_code(stand: WeComStand, ctx: SendContext) -> None:
    sent = await WECOM.send(ctx, step("1 of 3"))
    spent = {**sent.context, "used_code": sent.context["response_code"]}
    click = stand.click(one(stand), one(stand).buttons[0][1])
    received = WECOM.receive(stand.config(), as_request(click), float(click.query["timestamp"]))
    extra = received.messages[0].extra
    fresh = {name: extra[name] for name in WECOM.context_keys}
    done = step("cancelled", color="grey", stop=False, context=spent | fresh)
    done = replace(done, platform_message_id=sent.platform_message_id)
    await WECOM.update(ctx, done)
    assert "cancelled" in one(stand).text


def as_request(push: Push) -> InboundRequest:
    return InboundRequest(push.method, "/", push.query, push.headers, push.body)


async def test_a_decision_card_changes_to_who_decided(stand: WeComStand, ctx: SendContext) -> None:
    card = Card("Approve?", "orange", (Text("x"),), (signed("Yes"),))
    sent = await WECOM.send(ctx, outgoing(card))
    decided = Card("Approved", "green", (Text("by Bob"),), (signed("Undo", "/undo"),))
    out = outgoing(decided, platform_message_id="m", context=sent.context)
    await WECOM.update(ctx, out)
    seen = one(stand)
    assert (seen.buttons, seen.text) == ([("Undo", "1f.undo.k.mac")], "Approved\nby Bob")


async def test_an_edit_whose_code_is_spent_counts_as_shown(
    stand: WeComStand, ctx: SendContext
) -> None:
    sent = await WECOM.send(ctx, step("1 of 3"))
    done = step("done", color="green", stop=False, context=sent.context)
    stand.fail(UPDATE, "cut", after=True, times=2)
    with pytest.raises(UnknownOutcome):
        await WECOM.update(ctx, done)
    stand._faults.clear()
    code = sent.context["response_code"]
    assert (await WECOM.update(ctx, done)).context == {"used_code": code}
    assert one(stand).edits == 1


async def test_an_edit_waits_while_wecom_is_busy(stand: WeComStand, ctx: SendContext) -> None:
    sent = await WECOM.send(ctx, step("1 of 3"))
    done = step("done", color="green", stop=False, context=sent.context)
    stand.fail(UPDATE, "answer", refusal(-1))
    with pytest.raises(Later):
        await WECOM.update(ctx, done)
    await WECOM.update(ctx, done)
    assert one(stand).edits == 1


async def test_a_repeat_with_newer_words_is_not_shown_twice(
    stand: WeComStand, ctx: SendContext
) -> None:
    """The task of the card is known to WeCom although its words are new."""
    stand.fail(SEND, "cut", after=True, times=2)
    with pytest.raises(UnknownOutcome):
        await WECOM.send(ctx, step("1 of 3"))
    stand._faults.clear()
    sent = await WECOM.send(ctx, step("2 of 3", revision=1))
    assert len(stand.visible()) == 1
    assert sent.platform_message_id  # so that what follows is an edit


async def test_progress_that_is_long_is_cut_and_not_doubled(
    stand: WeComStand, ctx: SendContext
) -> None:
    await WECOM.send(ctx, step("step " * 200))
    assert one(stand).text.endswith("…")


# ---- files ----


@pytest.mark.parametrize(
    ("media", "kind", "name"),
    [
        (Media(PNG, "chart.png", "image/png"), "image", "chart.png"),
        (Media(PNG, "", "image/png"), "image", "file.png"),
        (Media(PNG, "x.png", "application/octet-stream"), "file", "x.png"),
        (Media(b"GIF89a-------", "x.gif", "image/gif"), "file", "x.gif"),
        (Media(b"no picture", "x.png", "image/png"), "file", "x.png"),
        (Media(b"#!AMR\n" + bytes(20), "a", "audio/amr", 900), "voice", "a.amr"),
        (Media(b"#!AMR\n" + bytes(20), "a.amr", "audio/amr", 61_000), "file", "a.amr"),
        (Media(b"%PDF-1.7", "../../报告 2026.pdf", "application/pdf"), "file", "报告 2026.pdf"),
        (Media(b"ab", "t.csv", "text/csv"), "file", "t.csv"),
    ],
)
async def test_files(
    stand: WeComStand, ctx: SendContext, media: Media, kind: str, name: str
) -> None:
    await WECOM.send(ctx, outgoing(files=(media,)))
    words, file = stand.visible()
    assert words.text == "pong"
    ((shown, data),) = file.files
    assert (file.raw.kind, shown, data.rstrip(b"\n")) == (kind, name, media.data.rstrip(b"\n"))


async def test_a_file_that_is_too_small_is_named(stand: WeComStand, ctx: SendContext) -> None:
    await WECOM.send(ctx, outgoing(files=(Media(b"", "empty.bin"),)))
    assert "empty.bin" in texts(stand)[1]


async def test_a_file_that_is_too_large_is_refused(stand: WeComStand, ctx: SendContext) -> None:
    with pytest.raises(Permanent):
        await WECOM.send(ctx, outgoing(files=(Media(bytes(20 * 2**20 + 1), "big.bin"),)))


async def test_what_people_send_is_fetched(stand: WeComStand, ctx: SendContext) -> None:
    push = stand.send_file(b"#!AMR\nsound", "语音.amr", voice=True)
    received = WECOM.receive(stand.config(), as_request(push), float(push.query["timestamp"]))
    (message,) = received.messages
    (attachment,) = message.attachments
    stand.revoke_tokens()
    media = await WECOM.fetch(ctx, attachment, 1000)
    assert media == Media(b"#!AMR\nsound", "语音.amr", "audio/amr")
    with pytest.raises(Permanent):
        await WECOM.fetch(ctx, attachment, 5)


async def test_media_that_is_gone(stand: WeComStand, ctx: SendContext) -> None:
    with pytest.raises(Permanent) as caught:
        await WECOM.fetch(ctx, {"type": "image", "key": "old"}, 1000)
    assert caught.value.vendor_code == "40007"
    with pytest.raises(Permanent):
        await WECOM.fetch(ctx, {"type": "image"}, 1000)


async def test_a_fetch_that_fails_for_now(stand: WeComStand, ctx: SendContext) -> None:
    stand.sheet.media["m"] = ("image", "p.png", PNG)
    stand.fail("/media/get", "answer", Answer(502))
    with pytest.raises(Later):
        await WECOM.fetch(ctx, {"key": "m"}, 1000)
    assert (await WECOM.fetch(ctx, {"key": "m"}, 1000)).is_image


# ---- errors ----


async def test_the_token_is_fetched_once_and_again_when_it_is_refused(
    stand: WeComStand, ctx: SendContext
) -> None:
    await WECOM.send(ctx, outgoing())
    await WECOM.send(ctx, outgoing(key="k2"))
    assert len(stand.calls_to(TOKEN)) == 1
    stand.revoke_tokens()
    await WECOM.send(ctx, outgoing(key="k3"))
    assert len(stand.calls_to(TOKEN)) == 2
    assert len(stand.visible()) == 3


@pytest.mark.parametrize("code", [40014, 42001])
async def test_a_token_that_is_always_refused_is_refreshed_once(
    stand: WeComStand, ctx: SendContext, code: int
) -> None:
    stand.fail(SEND, "answer", refusal(code), times=5)
    with pytest.raises(Later):
        await WECOM.send(ctx, outgoing())
    assert len(stand.calls_to(SEND)) == 2


@pytest.mark.parametrize(
    ("answer", "delay"),
    [
        (refusal(-1), 0.0),
        (refusal(6000), 0.0),
        (refusal(45009), 60.0),
        (refusal(45011), 60.0),
        (refusal(45033), 0.0),
        (Answer(429, None, {"retry-after": "7"}), 7.0),
        (Answer(503, {"errcode": 0}, {"retry-after": "3"}), 3.0),
        (Answer(500), 0.0),
    ],
)
async def test_what_passes_by_itself_is_tried_later(
    stand: WeComStand, ctx: SendContext, answer: Answer, delay: float
) -> None:
    stand.fail(SEND, "answer", answer)
    with pytest.raises(Later) as caught:
        await WECOM.send(ctx, outgoing())
    assert caught.value.delay_s == delay
    assert len(stand.calls_to(SEND)) == 1


@pytest.mark.parametrize("code", [40003, 40031, 60011, 60111, 81013, 82001])
async def test_people_who_cannot_be_written_to(
    stand: WeComStand, ctx: SendContext, code: int
) -> None:
    stand.fail(SEND, "answer", refusal(code))
    with pytest.raises(Permanent) as caught:
        await WECOM.send(ctx, outgoing(cards.answer("x", buttons=[signed("b")])))
    assert caught.value.vendor_code == str(code)
    assert len(stand.calls_to(SEND)) == 1


@pytest.mark.parametrize("name", ["invaliduser", "unlicenseduser"])
async def test_taken_but_not_for_this_person(
    stand: WeComStand, ctx: SendContext, name: str
) -> None:
    answer = {"errcode": 0, "errmsg": "ok", name: "alice", "msgid": "m"}
    stand.fail(SEND, "answer", Answer(200, answer))
    with pytest.raises(Permanent, match=name):
        await WECOM.send(ctx, outgoing())


async def test_somebody_outside_the_visible_range(stand: WeComStand, ctx: SendContext) -> None:
    stand.range.discard("Alice")
    with pytest.raises(Permanent):
        await WECOM.send(ctx, outgoing())


@pytest.mark.parametrize("code", [40013, 40056, 48002, 50003, 60020, 301002, 40091])
async def test_the_bot_itself_is_refused(stand: WeComStand, ctx: SendContext, code: int) -> None:
    stand.fail(SEND, "answer", refusal(code))
    with pytest.raises(BotBroken) as caught:
        await WECOM.send(ctx, outgoing())
    assert caught.value.vendor_code == str(code)


async def test_a_wrong_secret(stand: WeComStand) -> None:
    with pytest.raises(BotBroken) as caught:
        await WECOM.send(context(stand, secret="wrong-secret"), outgoing())
    assert caught.value.vendor_code == "40001"
    assert "wrong-secret" not in str(caught.value)


async def test_an_untrusted_address_is_named(stand: WeComStand, ctx: SendContext) -> None:
    stand.trusted = False
    with pytest.raises(BotBroken, match=r"203\.0\.113\.7"):
        await WECOM.send(ctx, outgoing())


async def test_no_token_for_another_reason_waits(stand: WeComStand, ctx: SendContext) -> None:
    stand.fail(TOKEN, "answer", refusal(41002))
    with pytest.raises(Later):
        await WECOM.send(ctx, outgoing())


async def test_an_agent_that_is_no_number(stand: WeComStand) -> None:
    with pytest.raises(Permanent):
        await WECOM.send(context(stand, agent_id="app"), outgoing())


async def test_an_answer_that_says_nothing_is_unknown(stand: WeComStand, ctx: SendContext) -> None:
    stand.fail(SEND, "answer", Answer(200, "<html>"))
    with pytest.raises(UnknownOutcome):
        await WECOM.send(ctx, outgoing())


async def test_nothing_listens(stand: WeComStand) -> None:
    with pytest.raises(Later):
        await WECOM.send(context(stand, api_base="http://127.0.0.1:9"), outgoing())


# ---- all of it at once ----


async def test_a_bad_day(
    stand: WeComStand, ctx: SendContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third of all calls fails in every way there is; everybody sees every answer once."""
    monkeypatch.setattr(calls, "TIMEOUT_S", 1.0)
    dice = random.Random(7)
    expected: list[str] = []
    stand.trouble = lambda call: trouble(dice)
    for number in range(60):
        text = f"answer {number} " + "汉" * dice.choice((3, 3, 900))
        buttons = [signed("Help")] if dice.random() < 0.3 else []
        out = outgoing(cards.answer(text, buttons=buttons), key=f"key-{number}")
        await until_sent(ctx, out)
        expected.append(text)
    shown = "".join(seen.text for seen in stand.visible()).replace("See the message above", "")
    assert shown == "".join(expected)


def trouble(dice: random.Random) -> Fault | None:
    """What goes wrong with a call, before or after its work was done."""
    if dice.random() > 0.3:
        return None
    kind = dice.choice(("busy", "limited", "gateway", "reset", "cut"))
    after = dice.random() < 0.5
    match kind:
        case "busy":
            return Fault("", "answer", refusal(-1))
        case "limited":
            return Fault("", "answer", Answer(429, {}, {"retry-after": "1"}))
        case "gateway":
            return Fault("", "answer", Answer(502), after=after)
        case "reset":
            return Fault("", "reset", after=after)
        case _:
            return Fault("", "cut", after=after)
