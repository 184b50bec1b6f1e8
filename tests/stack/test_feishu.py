"""Feishu from end to end: signed, encrypted events in over HTTP, one visible reply out."""

from __future__ import annotations

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from apps.simulate.feishu import Shown
from apps.simulate.server import Answer
from tests.console.stack import wait_for
from tests.stack.house import ALICE, ANSWER_S, BOB, DESK, House
from tests.stack.post import post

pytestmark = pytest.mark.stack
CHAT = "oc_alice"
REPLY = "/reply"  # the path of a reply to a message ends so
DOWN_S = 3


def fresh() -> str:
    """A message id that was never used."""
    return "om_" + uuid.uuid4().hex


def push(house: House, event: dict[str, Any]) -> int:
    """What Feishu does with an event, once; returns our answer's status."""
    body, headers = house.desk.signer.sign(event)
    return post(house.home.port, f"/webhooks/feishu/{DESK}/", body, headers)


def ask(house: House, text: str, **more: Any) -> str:
    """Alice says something; returns the id of her message."""
    message_id = str(more.pop("message_id", "") or fresh())
    event = house.desk.signer.message({"text": text}, message_id=message_id, **more)
    assert push(house, event) == 200
    return message_id


def replies(house: House, message_id: str) -> list[Shown]:
    """What people see under a message."""
    return house.desk.visible(f"reply:{message_id}")


def reply(house: House, message_id: str, seconds: float = ANSWER_S) -> Shown:
    """The first of them, once it is there."""
    arrived = house.desk.wait(lambda: bool(replies(house, message_id)), seconds)
    assert arrived, [*house.home.ask("details"), house.home.complaints("worker-io")]
    return replies(house, message_id)[0]


def only(house: House, message_ids: list[str], words: str) -> None:
    """Each of these has exactly one visible reply with these words, also once all is quiet."""
    for message_id in message_ids:
        assert words in reply(house, message_id).words
    house.home.settled(ANSWER_S)
    assert {key: len(replies(house, key)) for key in message_ids} == dict.fromkeys(message_ids, 1)


def test_each_event_gets_one_reply(house: House) -> None:
    only(house, [ask(house, "/ping") for _ in range(20)], "pong")


def test_an_event_that_is_delivered_three_times_gets_one_reply(house: House) -> None:
    message_id = fresh()
    event = house.desk.signer.message({"text": "/ping"}, message_id=message_id)
    with ThreadPoolExecutor(2) as hands:
        assert list(hands.map(lambda one: push(house, one), [event, event])) == [200, 200]
    only(house, [message_id], "pong")
    assert push(house, event) == 200
    only(house, [message_id], "pong")


def test_a_message_under_a_second_event_id_gets_one_reply(house: House) -> None:
    message_id = fresh()
    for _ in range(2):
        ask(house, "/ping", message_id=message_id)
    only(house, [message_id], "pong")


RATE = Answer(400, {"code": 99991400, "msg": "request trigger frequency limit"})
TOKEN = Answer(400, {"code": 99991663, "msg": "Invalid access token for authorization"})
BROKEN = Answer(500, {})


@pytest.mark.parametrize(
    ("kind", "answer", "after"),
    [
        ("answer", RATE, False),
        ("answer", TOKEN, False),
        ("answer", BROKEN, False),
        ("answer", BROKEN, True),
        ("cut", Answer(), True),
        ("reset", Answer(), True),
        ("reset", Answer(), False),
    ],
    ids=["rate", "token", "500", "500-after", "cut-after", "reset-after", "reset"],
)
def test_whatever_goes_wrong_at_feishu_there_is_one_reply(
    house: House, kind: str, answer: Answer, after: bool
) -> None:
    house.desk.fail(REPLY, kind, answer, after=after)
    began = time.monotonic()
    message_id = ask(house, "/ping")
    only(house, [message_id], "pong")
    calls = [c for c in house.desk.calls_to(REPLY) if message_id in c.path]
    assert len(calls) == 2
    assert calls[0].json()["uuid"] == calls[1].json()["uuid"]
    print(f"{time.monotonic() - began:.1f} s with {kind} {answer.status} after={after}")


def test_a_token_that_was_withdrawn_is_fetched_anew(house: House) -> None:
    house.desk.revoke_tokens()
    only(house, [ask(house, "/ping") for _ in range(5)], "pong")


def test_twenty_of_twenty_after_three_seconds_without_feishu(house: House) -> None:
    house.desk.go_down()
    began = time.monotonic()
    message_ids = [ask(house, "/ping") for _ in range(20)]
    wait_for(lambda: house.home.ask("unfinished").get("delivery") == 20, 20, "20 waiting replies")
    wait_for(lambda: time.monotonic() > began + DOWN_S, DOWN_S + 1, "three seconds")
    house.desk.come_back()
    back = time.monotonic()
    only(house, message_ids, "pong")
    print(f"{time.monotonic() - back:.1f} s from the return of Feishu to the last mark")


def click(
    house: House,
    message_id: str,
    value: str,
    who: str,
    chat: str = CHAT,
    form: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Press a button of the card under a message by what it sends back; returns the event."""
    shown = replies(house, message_id)[0].message_id
    event = house.desk.signer.click(
        json.loads(value), message_id=shown, chat=chat, operator=who, form=form
    )
    assert push(house, event) == 200
    return event


def button(house: House, message_id: str, *labels: str) -> str:
    """What a button of the card under a message sends back, once the card is there."""
    buttons = dict(reply(house, message_id).buttons)
    return next(buttons[label] for label in labels if label in buttons)


CONFIRM = ("确认", "Confirm")
APPROVE = ("批准", "Approve")
DONT = ("不做了", "Don't")
SUBMIT = ("提交", "Submit")


def shown(house: House, message_id: str, words: str) -> int:
    """How many replies under a message have these words, once there is one and all is quiet."""

    def count() -> int:
        return sum(words in one.words for one in replies(house, message_id))

    assert house.desk.wait(lambda: count() > 0, ANSWER_S), replies(house, message_id)
    house.home.settled(ANSWER_S)
    return count()


def test_a_click_confirms_and_repeats_of_it_run_nothing_twice(house: House) -> None:
    message_id = ask(house, "/wipe disk")
    confirm = button(house, message_id, *CONFIRM)
    event = click(house, message_id, confirm, ALICE)
    assert push(house, event) == 200
    assert shown(house, message_id, "wiped disk") == 1
    click(house, message_id, confirm, ALICE)  # a click of its own, on what is decided
    assert shown(house, message_id, "wiped disk") == 1
    assert [job["state"] for job in house.home.ask("jobs", skill="wipe")] == ["succeeded"]


def test_in_a_group_somebody_else_approves_by_a_click(house: House) -> None:
    mention = {"chat": "oc_group", "chat_type": "group", "mentions": [house.desk.signer.at_bot()]}
    message_id = ask(house, "@_user_1 /pay 100", **mention)
    approve = button(house, message_id, *APPROVE)
    click(house, message_id, approve, ALICE, "oc_group")  # nobody approves her own
    click(house, message_id, approve, "ou_mallory", "oc_group")  # a stranger
    house.home.settled(ANSWER_S)
    assert house.job("pay")["state"] == "asking"
    click(house, message_id, approve, BOB, "oc_group")
    assert shown(house, message_id, "paid 100") == 1
    assert house.job("pay")["state"] == "succeeded"


def test_a_click_denies(house: House) -> None:
    message_id = ask(house, "/wipe everything")
    click(house, message_id, button(house, message_id, *DONT), ALICE)
    house.until("wipe", "denied")
    house.home.settled(ANSWER_S)
    assert not any("wiped everything" in one.words for one in replies(house, message_id))


def said(house: House, words: str) -> int:
    """How many messages have these words."""
    return sum(words in one.words for one in house.desk.visible())


def test_a_form_asks_for_what_is_missing(house: House) -> None:
    before = len(house.home.ask("jobs", skill="nap"))
    message_id = ask(house, "/nap")
    assert reply(house, message_id).inputs == ["seconds"]
    sent = button(house, message_id, *SUBMIT)
    click(house, message_id, sent, ALICE, form={"seconds": "0.1"})
    assert house.desk.wait(lambda: said(house, "slept well") == 1, ANSWER_S)
    click(house, message_id, sent, ALICE, form={"seconds": "0.1"})
    house.home.settled(ANSWER_S)
    assert said(house, "slept well") == 1
    assert reply(house, message_id).inputs == []
    assert len(house.home.ask("jobs", skill="nap")) == before + 1
