"""The live side of the chat: who may open it, what it shows and when, and how it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import LazySettings, settings
from django.contrib.sessions.models import Session
from django.test import Client

from apps.accounts.models import Person
from apps.assistant.models import Conversation, Job, Message
from apps.core import push
from apps.im.models import Bot, Delivery
from apps.webchat import consumers, session
from tests.webchat.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = "http://testserver"
Put = Callable[..., Message]
Say = Callable[..., Delivery]


def socket(page: Client | None, origin: str = ORIGIN, host: str = "testserver") -> Socket:
    headers = [(b"host", host.encode()), (b"origin", origin.encode())]
    if page is not None:
        name = settings.SESSION_COOKIE_NAME
        headers.append((b"cookie", f"{name}={page.cookies[name].value}".encode()))
    return Socket(headers)


@asynccontextmanager
async def opened(page: Client) -> AsyncIterator[Socket]:
    link = socket(page)
    assert await link.connect()
    assert await link.hear() == {"type": "ready"}
    yield link
    await link.close()


async def shown(link: Socket) -> list[dict[str, Any]]:
    frame = await link.hear()
    assert frame["type"] == "items"
    found: list[dict[str, Any]] = frame["items"]
    return found


async def test_it_shows_what_is_newer(page: Client, put: Put, say: Say) -> None:
    old = await sync_to_async(put)("/old")
    async with opened(page) as link:
        await link.say({"message": old.pk, "delivery": 0})
        assert [item["text"] for item in await shown(link)] == ["/old"]
        await sync_to_async(put)("/new")
        await link.say({"message": old.pk, "delivery": 0})
        assert [item["text"] for item in await shown(link)] == ["/new"]


async def test_news_arrive_by_themselves(page: Client, chat: Conversation, say: Say) -> None:
    async with opened(page) as link:
        await link.say({})
        assert await shown(link) == []
        await sync_to_async(say)("pong")
        await push.apush(chat.pk, {"type": "delivery"})
        assert [item["text"] for item in await shown(link)] == ["pong"]


async def test_an_edited_card_comes_again_and_an_unchanged_one_does_not(
    page: Client, chat: Conversation, say: Say
) -> None:
    card = await sync_to_async(say)("10 %", role="progress")
    await sync_to_async(say)("other")
    async with opened(page) as link:
        await link.say({})
        assert len(await shown(link)) == 2
        await Delivery.objects.filter(pk=card.pk).aupdate(revision=1, text="90 %")
        await push.apush(chat.pk, {"type": "delivery"})
        assert [(i["text"], i["revision"]) for i in await shown(link)] == [("90 %", 1)]


async def test_a_finished_job_is_an_edit_too(
    page: Client, bob: Person, chat: Conversation, say: Say
) -> None:
    job = await Job.objects.acreate(
        number="ABCD2345", person=bob, conversation=chat, skill="host", state="running"
    )
    await sync_to_async(say)("working", role="progress", job=job)
    async with opened(page) as link:
        await link.say({})
        assert (await shown(link))[0]["job_state"] == "running"
        await Job.objects.filter(pk=job.pk).aupdate(state="succeeded")
        await push.apush(chat.pk, {"type": "job"})
        assert (await shown(link))[0]["job_state"] == "succeeded"


async def test_another_person_s_news_stay_theirs(
    page: Client, chat: Conversation, carol: Person, say: Say
) -> None:
    await sync_to_async(say)("for bob")
    theirs = await sync_to_async(Client)()
    await sync_to_async(theirs.force_login)(carol)
    async with opened(theirs) as link:
        await link.say({})
        assert await shown(link) == []
        await push.apush(chat.pk, {"type": "delivery"})
        assert await link.receive_nothing(0.2)


@pytest.mark.parametrize(
    "origin",
    ["", "null", "http://evil.example", "http://testserver.evil.example", "http://testserver:81"],
)
async def test_another_page_cannot_listen(page: Client, origin: str) -> None:
    assert not await socket(page, origin).connect()


@pytest.mark.parametrize(
    ("origin", "host", "secure", "fits"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", False, True),
        ("http://127.0.0.1:3000", "127.0.0.1:8000", False, False),
        ("http://testserver", "testserver:80", False, True),
        ("http://testserver", "testserver", True, False),
        ("https://bot.example.com", "127.0.0.1:8000", True, True),
        ("http://bot.example.com", "bot.example.com", True, False),
        ("http://other.example", "other.example", False, False),
        ("http://[", "[", False, False),
        ("http://testserver:99999", "testserver:99999", False, False),
    ],
)
def test_whose_page_it_is(
    settings: LazySettings, origin: str, host: str, secure: bool, fits: bool
) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://bot.example.com"]
    settings.SESSION_COOKIE_SECURE = secure
    scope = {"headers": [(b"origin", origin.encode()), (b"host", host.encode())]}
    assert session.own_origin(scope) is fits


def test_two_origins_are_none() -> None:
    pair = (b"origin", b"http://testserver")
    assert not session.own_origin({"headers": [pair, pair, (b"host", b"testserver")]})


async def closed_with(link: Socket) -> int:
    assert await link.connect()
    return await link.closed_with()


async def test_strangers_are_told_to_sign_in(chat: Conversation) -> None:
    assert await closed_with(socket(None)) == consumers.SIGNED_OUT


async def test_a_disabled_person_is_out(page: Client, bob: Person) -> None:
    await Person.objects.filter(pk=bob.pk).aupdate(is_active=False)
    assert await closed_with(socket(page)) == consumers.SIGNED_OUT


async def test_before_the_first_start_there_is_nothing_to_show(page: Client) -> None:
    await Bot.objects.all().adelete()
    assert await closed_with(socket(page)) == consumers.NOT_READY


async def test_signing_out_ends_an_open_socket(
    page: Client, chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "RECHECK_S", 0)
    async with opened(page) as link:
        await Session.objects.all().adelete()
        await push.apush(chat.pk, {"type": "delivery"})
        assert await link.closed_with() == consumers.SIGNED_OUT


def test_a_changed_password_ends_sessions(page: Client, bob: Person) -> None:
    key = page.cookies[settings.SESSION_COOKIE_NAME].value
    assert session.person_of(key) == bob
    bob.set_password("another long and quiet river")
    bob.save()
    assert session.person_of(key) is None


def test_a_rotated_key_keeps_sessions_and_changes_nothing(
    page: Client, bob: Person, settings: LazySettings
) -> None:
    key = page.cookies[settings.SESSION_COOKIE_NAME].value
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the next key of this installation"
    assert session.person_of(key) == bob
    assert Session.objects.filter(session_key=key).exists()


@pytest.mark.parametrize("frame", ["", "[]", "{", "7", '{"message": "x", "delivery": -1}', "null"])
async def test_odd_frames_do_no_harm(page: Client, frame: str) -> None:
    async with opened(page) as link:
        await link.say(frame)
        await link.say({})
        assert await shown(link) == []


async def test_many_news_are_few_looks(
    page: Client, chat: Conversation, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    look = consumers.ChatConsumer.look

    async def counted(self: consumers.ChatConsumer, **options: Any) -> None:
        nonlocal looks
        looks += 1
        await look(self, **options)

    monkeypatch.setattr(consumers.ChatConsumer, "look", counted)
    async with opened(page) as link:
        await sync_to_async(say)("pong")
        began = time.monotonic()
        for _ in range(50):
            await push.apush(chat.pk, {"type": "delivery"})
        gathered = (time.monotonic() - began) / consumers.GATHER_S
        await shown(link)
        await asyncio.sleep(0.1)
    assert looks <= 3 + gathered


@pytest.mark.parametrize("key", [r'"\000abcdefgh"', "x" * 5000, "\xff\xfe"])
async def test_an_odd_cookie_is_nobody_s(key: str) -> None:
    name = settings.SESSION_COOKIE_NAME
    cookie = (b"cookie", f"{name}={key}".encode("latin-1"))
    link = Socket([(b"host", b"testserver"), (b"origin", ORIGIN.encode()), cookie])
    assert await link.connect()
    assert (await link.receive_output(3))["code"] == consumers.SIGNED_OUT


@pytest.mark.parametrize("path", ["/ws/", "/ws/nowhere", "/webhooks/webhook/x/", "/", "/\0", "//"])
async def test_other_addresses_have_no_socket(path: str) -> None:
    link = Socket([(b"host", b"testserver"), (b"origin", ORIGIN.encode())], path)
    assert not await link.connect()
    await link.wait()
