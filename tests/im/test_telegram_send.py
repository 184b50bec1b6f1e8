"""Answers in Telegram: whole texts in pieces, buttons, edits, files, and every kind of refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.http import Door
from apps.im import telegram_text
from apps.im.base import (
    BotBroken,
    DeliveryError,
    Facts,
    InboundRequest,
    Later,
    Media,
    Outgoing,
    Permanent,
    Place,
    Received,
    SendContext,
    UnknownOutcome,
    get_platform,
)
from apps.im.cards import Button, Card, Fields, Table, Text
from apps.im.telegram_text import Rich, Span, units
from apps.im.tokens import TokenCache
from apps.simulate.desk import Push
from apps.simulate.server import Answer, Fault
from apps.simulate.telegram import GROUP, PEOPLE, TelegramStand

TELEGRAM = get_platform("telegram")
ALICE = PEOPLE["alice"]
NO_FACTS = Facts()
TOKEN = "1f.0123456789ab.k1.0123456789abcdef0123"


@pytest.fixture
def stand() -> Iterator[TelegramStand]:
    with TelegramStand() as found:
        yield found


def context(stand: TelegramStand, facts: Facts = NO_FACTS, **changes: Any) -> SendContext:
    return SendContext(stand.config(**changes), 1, Door(), TokenCache(), facts=facts)


def out(card: Card | str = "hi", **changes: Any) -> Outgoing:
    card = Card(blocks=(Text(card),)) if isinstance(card, str) else card
    given: dict[str, Any] = {"key": "k1", "role": "answer", "chat_id": ALICE, "card": card}
    return Outgoing(**given | {"chat_type": "private"} | changes)


async def test_a_card_with_everything(stand: TelegramStand) -> None:
    blocks = (
        Text("plain <b> & _x_ *y*"),
        Text("**bold** `code` [link](https://example.com)\n```py\nx = 1\n```", markdown=True),
        Fields((("状态", "好"),)),
        Table(("名", "n"), (("甲", "1"), ("b", "22"))),
    )
    buttons = (Button("Yes", "/yes", token=TOKEN), Button("No", "/no", token=TOKEN[:-1] + "4"))
    await TELEGRAM.send(context(stand), out(Card("Title", "green", blocks, buttons), reply_to="7"))
    (seen,) = stand.visible()
    assert "plain <b> & _x_ *y*" in seen.text
    assert "bold code link\nx = 1" in seen.text
    assert seen.buttons == [("Yes", TOKEN), ("No", TOKEN[:-1] + "4")]
    assert seen.reply_to == "7"
    kinds = {entity["type"] for entity in seen.raw["entities"]}
    assert kinds == {"bold", "code", "text_link", "pre"}


async def test_a_long_answer_comes_whole_and_goes_on_where_it_broke_off(
    stand: TelegramStand,
) -> None:
    words = [f"wörd{number}😀" for number in range(2000)]
    card = Card(blocks=(Text(" ".join(words)),), buttons=(Button("x", "/x", token=TOKEN),))
    count = 0

    def second(call: Any) -> Any:
        nonlocal count
        count += "sendMessage" in call.path
        late = Answer(429, {"ok": False, "error_code": 429, "parameters": {"retry_after": 3}})
        return Fault("", "answer", late) if count == 2 else None

    stand.trouble = second
    with pytest.raises(Later) as caught:
        await TELEGRAM.send(context(stand), out(card))
    assert caught.value.delay_s == 3
    assert caught.value.done["pieces"] == 1
    sent = await TELEGRAM.send(context(stand), out(card, context=caught.value.done, repeat=True))
    seen = stand.visible()
    assert " ".join(one.text.strip() for one in seen).split() == words
    assert [bool(one.buttons) for one in seen] == [False] * (len(seen) - 1) + [True]
    assert sent.platform_message_id == seen[0].message_id


@given(st.text(max_size=300), st.integers(5, 40))
def test_pieces_are_the_text_and_fit(text: str, limit: int) -> None:
    text = text.encode("utf-8", "replace").decode()
    rich = Rich(text, (Span("pre", 0, len(text)),))
    parts = telegram_text.pieces(rich, limit)
    assert "".join("".join(p.text.split()) for p in parts) == "".join(text.split())
    for part in parts:
        assert units(part.text) <= limit or not part.text.strip()
        for entity in part.entities():
            assert entity["offset"] + entity["length"] <= units(part.text)


async def test_an_edit_and_the_same_edit_again(stand: TelegramStand) -> None:
    sent = await TELEGRAM.send(context(stand), out("one"))
    for _ in range(2):
        again = out("two", platform_message_id=sent.platform_message_id, role="progress")
        await TELEGRAM.update(context(stand), again)
    (seen,) = stand.visible()
    assert (seen.text, seen.edits, seen.buttons) == ("two", 1, [])


async def test_topics_and_groups_that_moved(stand: TelegramStand) -> None:
    await TELEGRAM.send(context(stand), out(chat_id=GROUP, context={"thread_id": "77"}))
    await TELEGRAM.send(context(stand), out(chat_id=GROUP, context={"thread_id": "78"}))
    assert [one.raw.get("message_thread_id") for one in stand.visible()] == [77, None]
    stand.moved["-5"] = GROUP
    sent = await TELEGRAM.send(context(stand), out(chat_id="-5"))
    assert stand.visible()[-1].chat == GROUP
    assert sent.context["chat"] == GROUP


async def test_a_private_answer_goes_to_the_person_or_says_how(stand: TelegramStand) -> None:
    private = out("secret", chat_id=GROUP, chat_type="group", private_to=ALICE)
    await TELEGRAM.send(context(stand), private)
    assert stand.visible()[-1].chat == ALICE
    stand.started.discard(ALICE)
    await TELEGRAM.send(context(stand), private)
    assert stand.visible()[-1].chat == GROUP
    assert "secret" not in stand.visible()[-1].text


async def test_a_mention_alerts_the_asker(stand: TelegramStand) -> None:
    await TELEGRAM.send(context(stand), out(chat_id=GROUP, mention=ALICE, mention_name="Alice"))
    (seen,) = stand.visible()
    assert seen.text.startswith("Alice\n")
    assert seen.raw["entities"][0] == {
        "type": "text_mention", "offset": 0, "length": 5, "user": {"id": int(ALICE)},
    }  # fmt: skip


async def test_files_go_out_once_and_come_in(stand: TelegramStand) -> None:
    files = (
        Media(b"PNG", "图.png", "image/png"),
        Media(b"a,b", "a.csv", "text/csv"),
        Media(b"Ogg", "v.ogg", "audio/ogg", 900),
    )
    stand.fail("sendDocument", "answer", Answer(500, {"ok": False}))
    with pytest.raises(UnknownOutcome) as caught:
        await TELEGRAM.send(context(stand), out(files=files))
    await TELEGRAM.send(context(stand), out(files=files, context=caught.value.done))
    sent = [file for one in stand.visible() for file in one.files]
    assert sent == [("图.png", b"PNG"), ("a.csv", b"a,b"), ("v.ogg", b"Ogg")]
    push = stand.send_file(b"12345", "x.txt")
    update = TELEGRAM.receive(stand.config(), _request(push), 0)
    (attachment,) = update.messages[0].attachments
    media = await TELEGRAM.fetch(context(stand), attachment, 100)
    assert (media.data, media.name) == (b"12345", "x.txt")
    with pytest.raises(Permanent):
        await TELEGRAM.fetch(context(stand), attachment, 4)
    stand.fail("/file/", "answer", Answer(502, b"bad gateway"))
    with pytest.raises(Later):
        await TELEGRAM.fetch(context(stand), attachment, 100)


def _request(push: Push) -> InboundRequest:
    return InboundRequest(push.method, "/", push.query, push.headers, push.body)


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (429, {"parameters": {"retry_after": 7}}, Later),
        (500, {"description": "Internal"}, UnknownOutcome),
        (401, {"description": "Unauthorized"}, BotBroken),
        (403, {"description": "Forbidden: bot was blocked by the user"}, Permanent),
        (400, {"description": "Bad Request: chat not found"}, Permanent),
    ],
)
async def test_refusals_say_what_to_do(
    stand: TelegramStand, status: int, answer: dict[str, Any], kind: type[DeliveryError]
) -> None:
    stand.fail("sendMessage", "answer", Answer(status, {"ok": False, **answer}))
    with pytest.raises(kind) as caught:
        await TELEGRAM.send(context(stand), out())
    assert stand.token not in str(caught.value)


async def test_nobody_sees_the_token_when_the_door_fails(stand: TelegramStand) -> None:
    stand.go_down()
    with pytest.raises(Later) as caught:
        await TELEGRAM.send(context(stand), out())
    assert stand.token not in str(caught.value) + repr(caught.value.__cause__)
    assert stand.token not in repr(context(stand))
    stand.come_back()


async def test_typing_and_thanks_for_a_click(stand: TelegramStand) -> None:
    place = Place(ALICE, "private", "5", ALICE, {"callback_query_id": "q1"})
    await TELEGRAM.sign(context(stand), place)
    await TELEGRAM.acknowledge(context(stand), place)
    assert (stand.typing, stand.thanked) == ([ALICE], ["q1"])


async def test_check_names_what_is_missing(stand: TelegramStand) -> None:
    facts = Facts(address=stand.url + "/webhooks/telegram/x/")
    found = {c.name: c for c in await TELEGRAM.check(context(stand, facts))}
    assert all(c.ok for c in found.values())
    assert stand.webhook["url"] == facts.address  # registered, as nobody was
    (wrong, *_) = await TELEGRAM.check(context(stand, facts, token="1:x"))
    assert (wrong.name, wrong.failed) == ("token", True)
    stand.webhook |= {"last_error_date": 2**31, "last_error_message": "403 Forbidden"}
    stand.webhook["allowed_updates"] = ["message"]
    found = {c.name: c for c in await TELEGRAM.check(context(stand, facts))}
    assert "403 Forbidden" in found["webhook"].text.en
    assert "callback_query" in found["updates"].text.en
    stand.webhook = {"url": "https://other.example.com/"}
    found = {c.name: c for c in await TELEGRAM.check(context(stand, facts))}
    assert found["webhook"].failed
    found = {c.name: c for c in await TELEGRAM.check(context(stand, facts, bot_username="other"))}
    assert stand.username in found["bot_username"].text.en
    assert await TELEGRAM.learn(context(stand)) == {"bot_username": stand.username}


class Inbox:
    """A link whose inbox is a list; what it is told to refuse it refuses once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.kept: dict[str, str] = {}
        self.away = 0

    async def store(self, received: Received) -> bool:
        if received.verdict == "accept" and self.away:
            self.away -= 1
            raise Later("the store is away")
        self.texts += [message.text for message in received.messages]
        return received.verdict == "accept"

    def hold(self, key: str, value: str) -> None:
        self.kept[key] = value

    def held(self, key: str) -> str:
        return self.kept.get(key, "")


async def test_polling_confirms_only_what_was_stored(stand: TelegramStand) -> None:
    inbox = Inbox()
    stand.webhook = {"url": "https://old.example.com/"}
    for text in ("one", "two"):
        stand.queue(stand.say(text))
    inbox.away = 1
    with pytest.raises(Later):
        await TELEGRAM.stream(context(stand), inbox)  # type: ignore[arg-type]
    assert stand.confirmed == 0
    task = asyncio.create_task(TELEGRAM.stream(context(stand), inbox))  # type: ignore[arg-type]
    await asyncio.to_thread(stand.wait, lambda: stand.confirmed > 880002, 10)
    task.cancel()
    assert inbox.texts == ["one", "two"]
    assert stand.webhook == {}


async def test_a_flood_of_long_messages_is_polled_for(stand: TelegramStand) -> None:
    inbox = Inbox()
    long = "字" * 4096
    for _ in range(100):
        stand.queue(stand.say(long))
    task = asyncio.create_task(TELEGRAM.stream(context(stand), inbox))  # type: ignore[arg-type]
    await asyncio.to_thread(stand.wait, lambda: stand.confirmed > 880100 or task.done(), 20)
    task.cancel()
    assert len(inbox.texts) == 100


async def test_a_server_that_does_not_wait_is_not_asked_in_a_circle(stand: TelegramStand) -> None:
    task = asyncio.create_task(TELEGRAM.stream(context(stand), Inbox()))  # type: ignore[arg-type]
    await asyncio.to_thread(stand.wait, lambda: len(stand.calls_to("getUpdates")) == 2, 10)
    task.cancel()
    first, second = stand.calls_to("getUpdates")
    assert second.at - first.at >= 0.9
