"""Updates and messages beside the types of python-telegram-bot, which reads them its own way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import InlineKeyboardMarkup, Message, Update

from apps.im import telegram_text
from apps.im.base import InboundRequest, get_platform
from apps.im.cards import Button, Card, Fields, Text
from apps.simulate.desk import Push, Seen
from apps.simulate.telegram import TelegramStand

TELEGRAM = get_platform("telegram")
STAND = TelegramStand()
PUSHES = {
    "text": STAND.say("hello 😀"),
    "mention": STAND.say("😀 hello", group=True, topic="77"),
    "command": STAND.say("/ping now", group=True),
    "photo": STAND.send_file(b"1", "a.png"),
    "document": STAND.send_file(b"12", "a.csv"),
    "voice": STAND.send_file(b"123", "a.ogg", voice=True),
}


def both_read(push: Push) -> tuple[Any, Update]:
    request = InboundRequest("POST", "/", {}, push.headers, push.body)
    (ours,) = TELEGRAM.receive(STAND.config(), request, 0).messages
    theirs = Update.de_json(json.loads(push.body), None)
    assert theirs is not None
    return ours, theirs


@pytest.mark.parametrize("name", PUSHES)
def test_both_read_the_same(name: str) -> None:
    ours, theirs = both_read(PUSHES[name])
    message, sender, chat = theirs.message, theirs.effective_user, theirs.effective_chat
    assert message is not None
    assert sender is not None
    assert chat is not None
    assert ours.dedupe_key == f"upd:{theirs.update_id}"
    assert (ours.sender_id, ours.chat_id) == (str(sender.id), str(chat.id))
    assert ours.message_id == str(message.message_id)
    said = message.text or ""
    for entity, text in message.parse_entities().items():
        if entity.type == "mention":
            said = said.replace(text, "")
        if entity.type == "bot_command":
            said = said.replace(text, text.partition("@")[0])
    assert ours.text == " ".join(said.split())
    file = message.voice or message.document or (message.photo and message.photo[-1])
    assert [one["key"] for one in ours.attachments] == ([file.file_id] if file else [])
    assert ours.extra.get("thread_id") == (
        str(message.message_thread_id) if message.message_thread_id else None
    )


def test_both_read_a_click() -> None:
    ours, theirs = both_read(STAND.click(Seen("5", STAND.group, ""), "1f.ab.k.cd", "bob"))
    assert theirs.callback_query is not None
    assert ours.extra["action"] == theirs.callback_query.data
    assert ours.extra["callback_query_id"] == theirs.callback_query.id


@given(st.text(max_size=60), st.text(max_size=40), st.text(max_size=40))
def test_our_entities_mark_what_they_find(title: str, name: str, value: str) -> None:
    title, name, value = (t.encode("utf-8", "replace").decode() for t in (title, name, value))
    card = Card(title, blocks=(Fields(((name, value),)), Text("**b** `c`", markdown=True)))
    rich = telegram_text.drawn(card)
    message = Message.de_json(
        {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}, "text": rich.text}
        | {"entities": rich.entities()},
        None,
    )
    assert message is not None
    found = [message.parse_entity(entity) for entity in message.entities]
    marked = [text for text in (title, f"{name}:") if text.strip()]
    assert found[: len(marked)] == marked
    assert found[-2:] == ["b", "c"]


def test_our_buttons_are_a_keyboard() -> None:
    buttons = tuple(Button(f"b{n}", f"/{n}", token=f"t{n}") for n in range(5))
    keyboard = InlineKeyboardMarkup.de_json(telegram_text.keyboard(buttons), None)
    assert keyboard is not None
    flat = [button for row in keyboard.inline_keyboard for button in row]
    assert [(b.text, b.callback_data) for b in flat] == [(f"b{n}", f"t{n}") for n in range(5)]
