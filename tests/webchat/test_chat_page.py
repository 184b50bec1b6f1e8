"""The chat page and its data: who sees what, what is stored, and what a browser may run."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.test import Client

from apps.accounts.models import Binding, Person
from apps.accounts.pairing import pairing_code
from apps.assistant import inbox
from apps.assistant.models import Message
from apps.core.clock import utcnow
from apps.im import clicks
from apps.im.cards import Button, Card, Form, Input
from apps.im.models import Bot, Delivery

Put = Callable[..., Message]
Say = Callable[..., Delivery]


def post(page: Client, path: str, body: Any) -> HttpResponse:
    return page.post(path, json.dumps(body), content_type="application/json")


def send(page: Client, text: str, **more: Any) -> HttpResponse:
    return post(page, "/chat/send/", {"text": text, "client_id": str(uuid.uuid4()), **more})


def items(page: Client, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.get("/chat/items/", query).json()["items"]
    return found


def test_it_is_for_signed_in_people(client: Client) -> None:
    assert client.get("/chat/")["Location"] == "/sign-in/?next=/chat/"
    assert client.get("/chat/items/").status_code == 401
    assert send(client, "/ping").status_code == 401


def test_the_policy_runs_nothing_inline(page: Client) -> None:
    policy = page.get("/chat/")["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "http" not in policy


@pytest.mark.parametrize("path", ["/chat/", "/account/", "/nowhere/"])
def test_pages_have_no_inline_code_and_load_only_ours(page: Client, path: str) -> None:
    html = page.get(path).content.decode()
    for tag in re.findall(r"<script[^>]*>", html):
        assert 'src="/static/' in tag or 'type="application/json"' in tag
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", html)
    assert not re.search(r"(src|href)=\"(https?:)?//", html)


def test_a_name_cannot_break_out_of_the_page(page: Client, bob: Person) -> None:
    Person.objects.filter(pk=bob.pk).update(display_name="</script><img src=x onerror=alert(1)>")
    html = page.get("/chat/").content.decode()
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_the_scripts_never_read_html() -> None:
    folder = Path(finders.find("chat/main.js") or "").parent
    forbidden = re.compile(r"(inner|outer|Adjacent)HTML|document\.write|eval\(|Function\(")
    scripts = sorted(folder.glob("*.js"))
    assert len(scripts) >= 8
    for script in scripts:
        assert not forbidden.search(script.read_text(encoding="utf-8")), script.name


def test_suggestions_are_what_the_person_may_run(page: Client, alice: Person) -> None:
    html = page.get("/chat/").content.decode()
    names = {one["id"] for one in _json(html, "skills")}
    assert "help" in names
    assert "cleanup" not in names
    assert _json(html, "example-texts")
    page.force_login(alice)
    assert "cleanup" in {one["id"] for one in _json(page.get("/chat/").content.decode(), "skills")}


def _json(html: str, name: str) -> Any:
    found = re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', html, re.S)
    assert found
    return json.loads(found[1])


def test_what_is_sent_is_stored_for_the_person(page: Client, bob: Person) -> None:
    answer = send(page, "  /ping \r\n ")
    assert answer.status_code == 200
    message = Message.objects.get(pk=answer.json()["message_id"])
    assert (message.text, message.origin, message.kind) == ("/ping", "web", "text")
    assert message.person == bob
    assert message.conversation.chat_id == f"person:{bob.pk}"


def test_one_client_id_is_one_message(page: Client) -> None:
    client_id = str(uuid.uuid4())
    first, second = (send(page, "/ping", client_id=client_id).json() for _ in range(2))
    assert first["message_id"] == second["message_id"]
    assert Message.objects.count() == 1
    assert items(page)[0]["client_id"] == client_id


def test_two_people_may_use_one_client_id(page: Client, carol: Person) -> None:
    client_id = str(uuid.uuid4())
    send(page, "/ping", client_id=client_id)
    page.force_login(carol)
    send(page, "/ping", client_id=client_id)
    assert Message.objects.count() == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "text",
        {"text": "x"},
        {"text": " \n ", "client_id": "12345678"},
        {"text": "x" * 10_001, "client_id": "12345678"},
        {"text": "x", "client_id": "short"},
        {"text": "x", "client_id": "12345678'--"},
        {"text": 7, "client_id": "12345678"},
        {"text": "x", "client_id": "12345678", "delivery": "1"},
        {"text": "x", "client_id": "12345678", "delivery": True},
    ],
)
def test_what_is_no_message_is_refused(page: Client, body: Any) -> None:
    answer = post(page, "/chat/send/", body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "unusable_message"
    assert answer.json()["detail"]
    assert not Message.objects.exists()


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"text":"a\\u0000","client_id":"12345678"}'])
def test_what_is_no_json_is_refused(page: Client, raw: bytes) -> None:
    answer = page.post("/chat/send/", raw, content_type="application/json")
    assert answer.status_code == 400


def test_refusals_speak_the_reader_s_language(page: Client, bob: Person) -> None:
    assert "为空" in send(page, " ").json()["detail"]
    Person.objects.filter(pk=bob.pk).update(language="en")
    assert "empty" in send(page, " ").json()["detail"]


def test_sending_needs_the_token_of_our_page(bob: Person) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(bob)
    assert send(strict, "/ping").status_code == 403
    token = strict.get("/chat/").cookies["csrftoken"].value
    answer = strict.post(
        "/chat/send/",
        json.dumps({"text": "/ping", "client_id": "12345678"}),
        content_type="application/json",
        headers={"X-CSRFToken": token},
    )
    assert answer.status_code == 200


def test_a_page_of_somebody_else_sends_nothing(page: Client, bob: Person, carol: Person) -> None:
    for person, status in ((bob, 200), (carol, 401)):
        headers = {"X-Clawdbot-Person": str(person.pk)}
        assert page.get("/chat/items/", headers=headers).status_code == status
    body = json.dumps({"text": "/ping", "client_id": "12345678"})
    page.post("/chat/send/", body, content_type="application/json", headers=headers)
    assert not Message.objects.exists()


def test_a_click_is_the_command_of_a_button_that_is_there(page: Client, say: Say) -> None:
    card = say("?", Button("好", "/approve K7M3Q9XY"))
    answer = send(page, "/approve K7M3Q9XY", delivery=card.pk)
    message = Message.objects.get(pk=answer.json()["message_id"])
    assert (message.kind, message.text) == ("card_action", "/approve K7M3Q9XY")
    assert items(page)[-1]["click"] is True


def test_a_click_carries_the_token_of_its_button(page: Client, say: Say) -> None:
    card = say("?", Button("好", "/approve K7M3Q9XY"))
    send(page, "/approve K7M3Q9XY", delivery=card.pk)
    extra = Message.objects.get().payload["extra"]
    named = clicks.read(extra["action"], card.bot_id)
    assert named is not None
    assert (named.delivery, named.button) == (card.pk, clicks.button_id("/approve K7M3Q9XY"))


FORM = Form((Input("what", "What"),), Button("Send", "/fill K7M3Q9XY"))


def test_a_form_carries_what_was_filled_in(page: Client, say: Say) -> None:
    card = say("?")
    Delivery.objects.update(card=Card(form=FORM).to_json())
    assert send(page, "/fill K7M3Q9XY", delivery=card.pk, values={"what": "tea"}).status_code == 200
    message = Message.objects.get()
    assert (message.kind, message.payload["extra"]["values"]) == ("form", {"what": "tea"})
    assert items(page)[-1]["click"] is True


@pytest.mark.parametrize("values", [[], "tea", {"what": 1}, {"what": None}, {"what": "x" * 10_001}])
def test_odd_values_of_a_form_are_refused(page: Client, say: Say, values: Any) -> None:
    card = say("?")
    Delivery.objects.update(card=Card(form=FORM).to_json())
    answer = send(page, "/fill K7M3Q9XY", delivery=card.pk, values=values)
    assert answer.status_code == 400
    assert not Message.objects.exists()


def test_a_click_on_what_is_not_there_is_refused(page: Client, say: Say, carol: Person) -> None:
    card = say("?", Button("好", "/approve K7M3Q9XY"))
    assert send(page, "/approve OTHER", delivery=card.pk).status_code == 400
    assert send(page, "/approve K7M3Q9XY", delivery=card.pk + 1).status_code == 400
    page.force_login(carol)
    assert send(page, "/approve K7M3Q9XY", delivery=card.pk).status_code == 400
    assert not Message.objects.exists()


def test_items_come_in_order_with_their_cards(page: Client, put: Put, say: Say) -> None:
    asked = put("/ping")
    say("pong", message=asked)
    say("later", role="notice")
    found = items(page)
    assert [(item["kind"], item["id"] > 0) for item in found] == [
        ("message", True), ("delivery", True), ("delivery", True),
    ]  # fmt: skip
    assert found[1]["card"]["blocks"] == [{"type": "text", "text": "pong", "markdown": False}]
    assert found[1]["message"] == asked.pk


def test_nobody_sees_another_person_s_chat(page: Client, put: Put, say: Say, carol: Person) -> None:
    put("secret")
    say("secret")
    page.force_login(carol)
    assert items(page) == []
    assert items(page, older=1, message=10**9, delivery=10**9) == []


def test_only_the_new_and_the_newest_come_again(page: Client, put: Put) -> None:
    rows = [put(f"m{n}") for n in range(40)]
    found = items(page, message=rows[34].pk, delivery=0)
    assert [item["text"] for item in found] == [f"m{n}" for n in range(20, 40)]
    found = items(page, message=rows[4].pk, delivery=0)
    assert [item["text"] for item in found] == [f"m{n}" for n in range(5, 40)]


def test_a_page_that_missed_a_lot_starts_over(page: Client, put: Put, say: Say) -> None:
    for n in range(70):
        say(f"d{n}", message=put(f"m{n}"))
    answer = page.get("/chat/items/", {"message": 1, "delivery": 1}).json()
    assert answer["cut"] is True
    assert [item["text"] for item in answer["items"]][-2:] == ["m69", "d69"]
    assert len(answer["items"]) >= 100


def test_scrolling_up_finds_everything_once(page: Client, put: Put, say: Say) -> None:
    for n in range(150):
        if n % 3 == 0:
            put(f"m{n}")
        say(f"d{n}")
    seen = (answer := page.get("/chat/items/").json())["items"]
    while answer["cut"]:
        place = {k: min((i["id"] for i in seen if i["kind"] == k), default=10**9)
                 for k in ("message", "delivery")}  # fmt: skip
        answer = page.get("/chat/items/", {**place, "older": 1}).json()
        assert answer["items"]
        seen = answer["items"] + seen
    assert [i["text"] for i in seen if i["kind"] == "delivery"] == [f"d{n}" for n in range(150)]
    assert len([i for i in seen if i["kind"] == "message"]) == 50
    assert [i["at"] for i in seen] == sorted(i["at"] for i in seen)


def test_what_programs_ask_is_no_noise_here(page: Client, bob: Person, say: Say) -> None:
    asked = inbox.ask(bob, "/ping", origin="api")
    say("pong", message=asked)
    say("drink water", role="notice")
    assert [item["text"] for item in items(page)] == ["drink water"]


@pytest.mark.parametrize("query", [{"message": "x"}, {"message": "-1"}, {"message": "9" * 40}])
def test_odd_ids_are_no_ids(page: Client, put: Put, query: dict[str, str]) -> None:
    put()
    assert len(items(page, **query)) == 1


def test_a_pairing_code_makes_the_account_mine(page: Client, bob: Person) -> None:
    bot = Bot.objects.create(slug="fs", platform="feishu")
    code = pairing_code(bot.pk, "ou_bob", "Bob on Feishu", utcnow())
    assert post(page, "/chat/pair/", {"code": "WRONG234"}).status_code == 400
    answer = post(page, "/chat/pair/", {"code": f" {str(code).lower()} "})
    assert answer.json() == {"bot": "feishu:fs"}
    assert Binding.objects.get(bot=bot).person == bob
    assert post(page, "/chat/pair/", {"code": code}).status_code == 400
