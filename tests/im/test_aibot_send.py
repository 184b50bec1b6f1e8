"""Answers of AI bots that are called back: the polled stream, the reply address, seen once."""

from __future__ import annotations

import asyncio
import dataclasses
import random

import pytest
import time_machine

from apps.im import aibot_api, aibot_card, aibot_control, aibot_reply, aibot_store, cards
from apps.im.base import Inbound, Later, Media, Outgoing, Permanent, Sent, UnknownOutcome
from apps.im.cards import Button, Card, Fields, Table, Text
from apps.simulate.aibot_cards import MAX_CONTENT
from apps.simulate.server import Answer, Call, Fault
from apps.simulate.wecom_aibot import WecomAibotStand
from tests.im.aibot import AIBOT, answer_to, asks, callback, context, polling, request_of
from tests.services.redis import Redis

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
BUTTONS = (Button("Stop", "/cancel 7", "danger", "t.1"), Button("Again", "/retry 7", token="t.2"))
RESPONSE = "/cgi-bin/aibot/response"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits long for a poll that never comes."""
    waiting = aibot_store.wait_shown
    monkeypatch.setattr(aibot_store, "wait_shown", lambda stream: waiting(stream, 0.3))


async def send(stand: WecomAibotStand, out: Outgoing) -> Sent:
    return await AIBOT.send(context(stand), out)


async def patiently(stand: WecomAibotStand, out: Outgoing) -> Sent:
    """As the outbox does it: again and again, with what the last try left."""
    for _ in range(20):
        try:
            return await send(stand, out)
        except (Later, UnknownOutcome) as error:
            out = dataclasses.replace(out, context={**out.context, **error.done})
    raise AssertionError("never sent")


def old(message: Inbound, seconds: float) -> Inbound:
    """The same message, so many seconds ago."""
    arrived = message.extra["arrived"] - seconds
    return dataclasses.replace(message, extra=message.extra | {"arrived": arrived})


async def test_an_answer_ends_the_stream(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("/ping")
    async with polling(aibot_stand, push) as message:
        sent = await patiently(aibot_stand, answer_to(message))
        assert sent.platform_message_id == message.extra["stream_id"]
    (seen,) = aibot_stand.answers_to(push)
    assert seen.text == "pong"
    assert aibot_stand.calls_to(RESPONSE) == []


async def test_sent_means_fetched(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("/ping")
    _, (poll,) = await callback(aibot_stand, push)
    message = (await callback(aibot_stand, aibot_stand.again(push)))[0].messages[0]
    with pytest.raises(UnknownOutcome) as raised:
        await send(aibot_stand, answer_to(message))
    assert aibot_stand.answers_to(push) == []
    await callback(aibot_stand, poll)
    out = answer_to(message)
    out = dataclasses.replace(out, context={**out.context, **raised.value.done})
    await send(aibot_stand, out)
    await send(aibot_stand, out)  # a repeat that finds it done
    assert [seen.text for seen in aibot_stand.answers_to(push)] == ["pong"]


async def test_a_lost_poll_answer_is_fetched_again(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("/ping")
    found, (poll,) = await callback(aibot_stand, push)
    message = found.messages[0]
    sending = asyncio.create_task(patiently(aibot_stand, answer_to(message)))
    lost = AIBOT.receive(aibot_stand.config(), request_of(poll), message.extra["arrived"])
    while (await aibot_store.look(message.extra["stream_id"])).final is None:
        await asyncio.sleep(0)
    await AIBOT.control(aibot_stand.config(), lost.question, message.extra["arrived"])
    await sending
    await callback(aibot_stand, aibot_stand.again(poll))
    assert [seen.text for seen in aibot_stand.answers_to(push)] == ["pong"]


async def test_a_third_of_the_polls_may_get_lost(aibot_stand: WecomAibotStand) -> None:
    dice = random.Random(3)
    fault = Fault("", "cut", after=True)
    aibot_stand.trouble = lambda call: fault if dice.random() < 0.4 else None
    for number in range(12):
        push = aibot_stand.say(f"/echo {number}")
        async with polling(aibot_stand, push) as message:
            await patiently(aibot_stand, answer_to(message, f"echo {number}", key=f"k{number}"))
        assert [seen.text for seen in aibot_stand.answers_to(push)] == [f"echo {number}"]


async def test_progress_is_the_same_bubble(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("report")
    async with polling(aibot_stand, push) as message:
        card = Card("", "blue", (Text("step 1"),), (Button("Cancel", "/cancel 7"),))
        progress = answer_to(message, card, role="progress", key="p")
        sent = await send(aibot_stand, progress)
        assert sent.platform_message_id == message.extra["stream_id"]
        async with asyncio.timeout(3):
            while "step 1" not in aibot_stand.visible()[0].text:
                await asyncio.sleep(0.01)
        assert "/cancel 7" in aibot_stand.visible()[0].text
        await patiently(aibot_stand, answer_to(message, "done"))
        await AIBOT.update(context(aibot_stand), progress)  # late, and without effect
    (seen,) = aibot_stand.visible()
    assert seen.text == "done"


async def test_a_quiet_stream_gives_way_to_the_address(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("/ping")
    message = await asks(aibot_stand, push)
    _, (poll,) = await callback(aibot_stand, aibot_stand.again(push))
    await send(aibot_stand, answer_to(old(message, aibot_reply.QUIET_S + 1)))
    await callback(aibot_stand, poll)  # a poll that comes late after all
    bubble, answer = aibot_stand.answers_to(push)
    assert bubble.text == aibot_control.MOVED.zh
    assert answer.text == "pong"


async def test_after_the_streams_life_the_address_is_used_once(
    aibot_stand: WecomAibotStand,
) -> None:
    push = aibot_stand.say("/slow")
    message = old(await asks(aibot_stand, push), 600)
    out = answer_to(message)
    await send(aibot_stand, out)
    await send(aibot_stand, out)
    assert [seen.text for seen in aibot_stand.answers_to(push)] == ["pong"]
    assert len(aibot_stand.calls_to(RESPONSE, "POST")) == 1


async def test_after_an_hour_there_is_no_way(aibot_stand: WecomAibotStand) -> None:
    message = old(await asks(aibot_stand, aibot_stand.say("/slow")), 3600)
    with pytest.raises(Permanent, match="reply address"):
        await send(aibot_stand, answer_to(message))
    assert aibot_stand.calls_to(RESPONSE) == []


@pytest.mark.parametrize("kind", ["cut", "hang", "reset"])
async def test_an_address_that_may_have_been_taken_is_not_shown_twice(
    aibot_stand: WecomAibotStand, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aibot_api, "TIMEOUT_S", 0.5)
    push = aibot_stand.say("/slow")
    message = old(await asks(aibot_stand, push), 600)
    aibot_stand.fail(RESPONSE, kind, after=True)
    await patiently(aibot_stand, answer_to(message))
    assert [seen.text for seen in aibot_stand.answers_to(push)] == ["pong"]


async def test_a_crowd_with_failing_addresses_is_answered_once_each(
    aibot_stand: WecomAibotStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third of all calls fail; a call that was refused for now comes back no sooner than told."""
    monkeypatch.setattr(aibot_api, "TIMEOUT_S", 0.5)
    dice = random.Random(5)

    def trouble(call: Call) -> Fault | None:
        if dice.random() > 0.3:
            return None
        kind = dice.choice(["answer", "answer", "cut", "reset", "hang"])
        busy = Answer(dice.choice([429, 500, 503]), {})
        return Fault(call.path, kind, busy, after=dice.random() < 0.5)

    pushes = [aibot_stand.say(f"/echo {number}") for number in range(40)]
    messages = [old(await asks(aibot_stand, push), 600) for push in pushes]
    aibot_stand.trouble = trouble
    outs = [
        answer_to(message, f"echo {number}", key=f"key-{number}")
        for number, message in enumerate(messages)
    ]
    await asyncio.gather(*(patiently(aibot_stand, out) for out in outs))
    for number, push in enumerate(pushes):
        shown = [seen.text for seen in aibot_stand.visible() if seen.reply_to == push.message_id]
        assert shown == ["", f"echo {number}"]  # the stream, which nobody polled, and the answer


async def test_a_busy_platform_is_asked_later(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("/slow")
    message = old(await asks(aibot_stand, push), 600)
    aibot_stand.fail(RESPONSE, "answer", Answer(429, {}, {"retry-after": "7"}))
    aibot_stand.fail(RESPONSE, "answer", Answer(200, {"errcode": 45009, "errmsg": "freq"}))
    aibot_stand.fail(RESPONSE, "answer", Answer(502, {}))
    with pytest.raises(Later) as raised:
        await send(aibot_stand, answer_to(message))
    assert raised.value.delay_s == 7
    await patiently(aibot_stand, answer_to(message))
    assert [seen.text for seen in aibot_stand.answers_to(push)] == ["pong"]


async def test_a_refused_answer_is_refused_for_good(aibot_stand: WecomAibotStand) -> None:
    message = old(await asks(aibot_stand, aibot_stand.say("/slow")), 600)
    aibot_stand.fail(RESPONSE, "answer", Answer(200, {"errcode": 40058, "errmsg": "bad"}), times=2)
    for _ in range(2):
        with pytest.raises(Permanent) as raised:
            await send(aibot_stand, answer_to(message))
        assert raised.value.vendor_code == "40058"


async def test_buttons_hang_below_the_stream(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("/ask", group=True)
    card = Card("Sure?", "orange", (Text("It **writes**"),), BUTTONS)
    async with polling(aibot_stand, push) as message:
        await patiently(aibot_stand, answer_to(message, card))
    (seen,) = aibot_stand.answers_to(push)
    assert seen.buttons == [("Stop", "t.1"), ("Again", "t.2")]
    assert "/cancel" not in seen.text
    assert "It **writes**" in seen.text
    clicked = (await callback(aibot_stand, aibot_stand.click(seen, "t.1", "bob")))[0].messages[0]
    assert (clicked.sender_id, clicked.extra["action"]) == ("WoBob", "t.1")


async def test_a_click_is_answered_through_its_own_address(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("/ask")
    async with polling(aibot_stand, push) as message:
        await patiently(aibot_stand, answer_to(message, Card("?", "blue", (), BUTTONS)))
    (seen,) = aibot_stand.answers_to(push)
    click = aibot_stand.click(seen, "t.2")
    clicked = (await callback(aibot_stand, click))[0].messages[0]
    again = Card("Still?", "blue", (Text("short"),), BUTTONS)
    assert (await send(aibot_stand, answer_to(clicked, again, role="progress"))) == Sent("")
    await send(aibot_stand, answer_to(clicked, again, key="k2"))
    (answer,) = aibot_stand.answers_to(click)
    assert answer.text == "Still?\nshort"
    assert [value for _, value in answer.buttons] == ["t.1", "t.2"]


async def test_in_a_group_late_buttons_are_commands(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("/ask", group=True)
    message = old(await asks(aibot_stand, push), 600)
    await send(aibot_stand, answer_to(message, Card("Sure?", "blue", (), BUTTONS)))
    (answer,) = aibot_stand.answers_to(push)
    assert answer.buttons == []
    assert "/cancel 7" in answer.text


async def test_a_long_answer_goes_on_in_a_message(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("/long")
    text = "\n".join(f"line {n} 汉字" for n in range(1500))
    async with polling(aibot_stand, push) as message:
        out = answer_to(message, text)
        aibot_stand.fail(RESPONSE, "answer", Answer(429, {}))
        await patiently(aibot_stand, out)
    first, second = aibot_stand.answers_to(push)
    assert first.text + second.text == text
    assert all(len(seen.text.encode()) <= MAX_CONTENT for seen in (first, second))


async def test_what_is_longer_still_says_that_it_was_cut(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("/long")
    async with polling(aibot_stand, push) as message:
        await patiently(aibot_stand, answer_to(message, "字" * 30_000))
    assert "web chat" in aibot_stand.answers_to(push)[-1].text


async def test_pictures_go_into_the_stream_and_other_files_are_named(
    aibot_stand: WecomAibotStand,
) -> None:
    push = aibot_stand.say("/chart")
    files = (Media(PNG, "a.png", "image/png"), Media(b"%PDF-1.7", "b.pdf", "application/pdf"))
    async with polling(aibot_stand, push) as message:
        await patiently(aibot_stand, answer_to(message, "see", files=files))
    (seen,) = aibot_stand.answers_to(push)
    assert [data for _, data in seen.files] == [PNG]
    assert "b.pdf" in seen.text
    assert "a.png" not in seen.text


async def test_a_notice_uses_an_address_that_was_not_needed(aibot_stand: WecomAibotStand) -> None:
    push = aibot_stand.say("/remind")
    async with polling(aibot_stand, push) as message:
        await patiently(aibot_stand, answer_to(message, "noted"))
    notice = answer_to(message, "time!", role="notice", context={}, key="n1", in_reply_to="")
    await send(aibot_stand, notice)
    await send(aibot_stand, notice)
    assert [seen.text for seen in aibot_stand.answers_to(push)] == ["noted", "time!"]
    with pytest.raises(Permanent, match="reply address"):
        await send(aibot_stand, dataclasses.replace(notice, key="n2"))


async def test_private_words_stay_out_of_the_group(aibot_stand: WecomAibotStand) -> None:
    message = await asks(aibot_stand, aibot_stand.say("/secret", group=True))
    with pytest.raises(Permanent):
        await send(aibot_stand, answer_to(message, "psst", private_to="WoAlice"))
    assert [seen.text for seen in aibot_stand.visible()] == [""]
    push = aibot_stand.say("hello")  # now there is an address of the private chat
    async with polling(aibot_stand, push) as private:
        await patiently(aibot_stand, answer_to(private, "hi", key="k0"))
    await send(aibot_stand, answer_to(message, "psst", private_to="WoAlice"))
    assert [seen.text for seen in aibot_stand.visible() if seen.chat == "WoAlice"] == ["hi", "psst"]


async def test_without_redis_the_address_serves(
    aibot_stand: WecomAibotStand, own_redis: Redis
) -> None:
    push = aibot_stand.say("/ping")
    message = await asks(aibot_stand, push)
    own_redis.stop()
    await send(aibot_stand, answer_to(message))
    own_redis.start()
    assert [seen.text for seen in aibot_stand.answers_to(push)] == ["pong"]


async def test_what_may_lie_in_a_redis_that_went_away_is_waited_for(
    aibot_stand: WecomAibotStand, own_redis: Redis
) -> None:
    push = aibot_stand.say("/ping")
    message = await asks(aibot_stand, push)
    with pytest.raises(UnknownOutcome) as raised:
        await send(aibot_stand, answer_to(message))
    out = answer_to(message)
    out = dataclasses.replace(out, context={**out.context, **raised.value.done})
    own_redis.stop()
    with pytest.raises(Later):
        await send(aibot_stand, out)
    assert aibot_stand.calls_to(RESPONSE) == []
    with time_machine.travel(message.extra["arrived"] + 400):
        await send(aibot_stand, out)
    own_redis.start()
    assert [seen.text for seen in aibot_stand.answers_to(push)] == ["pong"]


def test_nothing_in_plain_words_is_markup() -> None:
    card = Card(
        "<@all>",
        "blue",
        (
            Text("<think>x</think> [pay](http://evil)"),
            Text("**bold** [a](https://b) <@u1>", markdown=True),
            Fields((("name", "a|b"),)),
            Table(("h1", "h2"), (("a|b", "<@all>"),)),
        ),
    )
    drawn = aibot_card.markdown(card, "en")
    for bad in ("<@", "<think", "[pay](", "a|b |"):
        assert bad not in drawn
    for good in ("**bold**", "[a](https://b)", "| h1 | h2 |", "| a｜b |", "name: a|b"):
        assert good in drawn


def test_more_buttons_than_fit_are_commands() -> None:
    many = tuple(Button(f"b{n}", f"/do {n}", token=f"t{n}") for n in range(8))
    out = Outgoing("k", "answer", "c", "private", Card("?", "blue", (), many), language="en")
    drawn = aibot_card.draw(out)
    assert drawn.card is not None
    assert [button["key"] for button in drawn.card["button_list"]] == [f"t{n}" for n in range(6)]
    assert "/do 6" in drawn.pieces[0]
    assert "/do 5" not in drawn.pieces[0]
    unsigned = dataclasses.replace(out, card=Card("?", "blue", (), (Button("b", "/do"),)))
    assert aibot_card.draw(unsigned).card is None


def test_an_empty_card_shows_something() -> None:
    out = Outgoing("k", "answer", "c", "private", cards.answer(""), language="en")
    assert "nothing to show" in aibot_card.draw(out).pieces[0]
