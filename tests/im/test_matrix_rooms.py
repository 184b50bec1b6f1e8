"""What the bot does about rooms: joining, who is there, what it missed, and what is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from apps.core.http import Door
from apps.im import matrix_watch
from apps.im.base import Facts, Heard, Later, Place, Received, SendContext, get_platform
from apps.im.tokens import TokenCache
from apps.simulate.matrix import MatrixStand
from apps.simulate.matrix_people import BOT, GROUP, HS_TOKEN, PEOPLE, room_of
from apps.simulate.server import Answer

MATRIX = get_platform("matrix")
ALICE = room_of("alice")


@pytest.fixture
def stand() -> Iterator[MatrixStand]:
    with MatrixStand() as made:
        yield made


def context(stand: MatrixStand, facts: Facts | None = None, **config: Any) -> SendContext:
    return SendContext(stand.config(**config), 1, Door(), TokenCache(), facts=facts or Facts())


def place_of(stand: MatrixStand, room: str, event: str, who: str = "alice") -> Place:
    return Place(room, "", stand.timeline[room][-1]["event_id"], PEOPLE[who], {"event": event})


def invited(stand: MatrixStand, who: str = "alice") -> Place:
    stand.invite(who)
    return place_of(stand, list(stand.members)[-1], "invite", who)


async def hear(stand: MatrixStand, place: Place, known: bool = True) -> Heard:
    return await MATRIX.on_event(context(stand), place, known=known)


# ---- who is there ----


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({PEOPLE["alice"]: "join", BOT: "join"}, "private"),
        ({PEOPLE["alice"]: "invite", BOT: "join"}, "private"),
        ({PEOPLE["alice"]: "join", BOT: "join", PEOPLE["bob"]: "leave"}, "private"),
        ({PEOPLE["alice"]: "join", BOT: "join", PEOPLE["bob"]: "ban"}, "private"),
        ({PEOPLE["alice"]: "join", BOT: "join", PEOPLE["bob"]: "join"}, "group"),
        # Whoever is invited can read what was said before they come.
        ({PEOPLE["alice"]: "join", BOT: "join", PEOPLE["bob"]: "invite"}, "group"),
        ({BOT: "join"}, "group"),
        ({PEOPLE["alice"]: "join", PEOPLE["bob"]: "join", BOT: "leave"}, "group"),
    ],
)
async def test_a_room_of_one_person_and_the_bot_is_private(
    stand: MatrixStand, members: dict[str, str], kind: str
) -> None:
    stand.members[ALICE] = members
    assert await MATRIX.place_kind(context(stand), ALICE) == kind


async def test_a_room_of_very_many_is_a_group(stand: MatrixStand) -> None:
    stand.members[ALICE] |= {f"@{n:0200}:x": "join" for n in range(9000)}
    assert await MATRIX.place_kind(context(stand), ALICE) == "group"


async def test_a_homeserver_that_is_away_is_asked_again(stand: MatrixStand) -> None:
    stand.fail("/members", "answer", Answer(503, {"errcode": "M_UNKNOWN"}))
    with pytest.raises(Later):
        await MATRIX.place_kind(context(stand), ALICE)


# ---- invitations ----


async def test_an_invitation_of_somebody_we_know_is_accepted(stand: MatrixStand) -> None:
    place = invited(stand)
    assert await hear(stand, place) == Heard(chat_type="private")
    assert stand.members[place.chat_id][BOT] == "join"
    assert stand.direct == {PEOPLE["alice"]: [place.chat_id]}


async def test_a_group_is_no_place_for_private_words(stand: MatrixStand) -> None:
    place = invited(stand)
    stand.members[place.chat_id][PEOPLE["bob"]] = "join"
    assert (await hear(stand, place)).chat_type == "group"
    assert stand.direct == {}


async def test_a_stranger_is_refused_with_a_reason(stand: MatrixStand) -> None:
    place = invited(stand, "mallory")
    for _ in range(2):
        assert await hear(stand, place, known=False) == Heard()
    left = stand.timeline[place.chat_id][-1]["content"]
    assert left["membership"] == "leave"
    assert "administrator" in left["reason"]


async def test_an_invitation_that_was_withdrawn_is_over(stand: MatrixStand) -> None:
    place = invited(stand)
    del stand.members[place.chat_id][BOT]
    assert await hear(stand, place, known=False) == Heard()


async def test_what_was_said_before_we_came_is_heard(stand: MatrixStand) -> None:
    room = room_of("alice")
    stand.written({"msgtype": "m.text", "body": "/long ago"}, "alice", room)
    stand.invite("alice", room=room)
    place = place_of(stand, room, "invite")
    stand.written({"msgtype": "m.text", "body": "/ping"}, "alice", room)
    stand.written({"msgtype": "m.text", "body": "NUL \0"}, "alice", room)
    stand.written({"msgtype": "m.text", "body": "/second"}, "alice", room)
    for _ in range(2):  # whoever was interrupted does it again
        heard = await hear(stand, place)
        assert [one.text for one in heard.messages] == ["/ping", "/second"]


async def test_an_encrypted_room_is_told_once(stand: MatrixStand) -> None:
    place = invited(stand)
    stand.happened(place.chat_id, PEOPLE["alice"], "m.room.encryption", {"algorithm": "m"}, "")
    first, second = await hear(stand, place), await hear(stand, place)
    assert first.say is not None
    assert "encrypted" in first.say.en
    assert second.say is None


async def test_encryption_that_is_switched_on_is_told(stand: MatrixStand) -> None:
    stand.happened(ALICE, PEOPLE["alice"], "m.room.encryption", {"algorithm": "m"}, "")
    heard = await hear(stand, place_of(stand, ALICE, "encrypted"))
    assert heard.say is not None


async def test_who_comes_and_goes_makes_the_room_unknown(stand: MatrixStand) -> None:
    stand.happened(ALICE, PEOPLE["bob"], "m.room.member", {"membership": "join"}, PEOPLE["bob"])
    assert await hear(stand, place_of(stand, ALICE, "members")) == Heard(chat_type="")


# ---- what was not pushed ----


class Link:
    """An inbox that keeps what it is given."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.kept: dict[str, str] = {}
        self.got = asyncio.Event()

    async def store(self, received: Received) -> bool:
        self.texts += [one.text for one in received.messages if one.kind != "event"]
        self.got.set()
        return received.verdict == "accept"

    def hold(self, key: str, value: str) -> None:
        self.kept[key] = value

    def held(self, key: str) -> str:
        return self.kept.get(key, "")


def write(stand: MatrixStand, text: str, room: str = ALICE, age_s: float = 0.0) -> None:
    event = stand.written({"msgtype": "m.text", "body": text}, "alice", room)
    event["origin_server_ts"] -= int(age_s * 1000)


async def test_everything_since_a_moment_is_read_in_its_order(stand: MatrixStand) -> None:
    write(stand, "old", age_s=1000)
    for number in range(120):
        write(stand, str(number))
    write(stand, "elsewhere", GROUP)
    link = Link()
    now = stand.timeline[ALICE][-1]["origin_server_ts"] / 1000
    await matrix_watch.catch_up(context(stand), link, "matrix", now - 60)
    assert [text for text in link.texts if text != "elsewhere"] == [str(n) for n in range(120)]
    assert link.texts.count("elsewhere") == 1


async def test_what_was_before_we_came_is_not_read(stand: MatrixStand) -> None:
    write(stand, "before")
    stand.happened(ALICE, BOT, "m.room.member", {"membership": "join"}, BOT)
    write(stand, "after")
    link = Link()
    await matrix_watch.catch_up(context(stand), link, "matrix", 0)
    assert link.texts == ["after"]


async def test_a_room_that_cannot_be_read_hinders_no_other(stand: MatrixStand) -> None:
    write(stand, "a")
    write(stand, "b", GROUP)
    stand.fail("alice", "answer", Answer(403, {"errcode": "M_FORBIDDEN"}))
    link = Link()
    await matrix_watch.catch_up(context(stand), link, "matrix", 0)
    assert link.texts == ["b"]


async def test_the_rooms_are_read_when_the_homeserver_is_back(
    stand: MatrixStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_watch, "PROBE_S", 0.05)
    async with watched(stand) as link:
        await until(stand, "/versions", 2)
        assert link.texts == []
        with stand.quiet:
            write(stand, "lost")
        stand.fail("/versions", "answer", Answer(502), times=2)
        await asyncio.wait_for(link.got.wait(), 10)
        assert link.texts == ["lost"]


@contextlib.asynccontextmanager
async def watched(stand: MatrixStand) -> AsyncIterator[Link]:
    """The inbox of a bot whose rooms are watched."""
    link = Link()
    watching = asyncio.create_task(MATRIX.stream(context(stand), link))
    try:
        yield link
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def until(stand: MatrixStand, path: str, count: int) -> None:
    """Wait until there were so many calls."""
    assert await asyncio.to_thread(stand.wait, lambda: len(stand.calls_to(path)) >= count)


def bounce(stand: MatrixStand, text: str, room: str = ALICE) -> None:
    """Restart at once, and lose what was said before."""
    with stand.quiet:
        write(stand, text, room)
    stand.go_down()
    stand.come_back()


async def test_a_restart_between_two_looks_is_noticed(
    stand: MatrixStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_watch, "PROBE_S", 0.5)
    async with watched(stand) as link:
        for number in range(1, 3):
            await until(stand, "/joined_rooms", number)
            await until(stand, "/versions", len(stand.calls_to("/versions")) + 1)
            link.got.clear()
            bounce(stand, f"lost {number}")
            await asyncio.wait_for(link.got.wait(), 10)
        assert set(link.texts) == {"lost 1", "lost 2"}


async def test_a_restart_while_the_rooms_are_read_is_noticed(
    stand: MatrixStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_watch, "PROBE_S", 0.1)
    stand.fail("alice", "answer", Answer(503, {"errcode": "M_UNKNOWN"}), times=3)
    async with watched(stand) as link:
        await until(stand, "group", 1)
        bounce(stand, "lost", GROUP)  # that room was read, the other one is still to come
        await asyncio.wait_for(link.got.wait(), 10)
        assert link.texts == ["lost"]


async def test_a_server_that_keeps_no_connections_is_not_taken_for_restarted(
    stand: MatrixStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_watch, "PROBE_S", 0.01)
    stand.fail("/versions", "answer", Answer(200, {}, {"connection": "close"}), times=1000)
    async with watched(stand):
        await until(stand, "/versions", 20)
        assert len(stand.calls_to("/joined_rooms")) == 2


async def test_a_long_absence_is_told(stand: MatrixStand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_watch, "PROBE_S", 0.001)
    stand.fail("/versions", "answer", Answer(502), times=1000)
    with pytest.raises(Later):
        await MATRIX.stream(context(stand), Link())


async def test_rooms_that_cannot_be_read_yet_are_tried_again(
    stand: MatrixStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_watch, "PROBE_S", 0.01)
    write(stand, "a")
    write(stand, "b", GROUP)
    stand.fail("alice", "answer", Answer(503, {"errcode": "M_UNKNOWN"}), times=2)
    link = Link()
    await matrix_watch.catch_up(context(stand), link, "matrix", 0)
    assert sorted(link.texts) == ["a", "b"]
    stand.fail("alice", "answer", Answer(503, {"errcode": "M_UNKNOWN"}), times=100)
    with pytest.raises(Later):
        await matrix_watch.catch_up(context(stand), link, "matrix", 0)


async def test_who_asks_for_time_is_left_alone_by_all_that_is_not_being_sent(
    stand: MatrixStand,
) -> None:
    ctx = context(stand)
    stand.fail("/members", "answer", stand.too_many(7))
    for _ in range(2):  # the second one makes no call
        with pytest.raises(Later) as caught:
            await MATRIX.place_kind(ctx, ALICE)
        assert 6 < caught.value.delay_s <= 7
    assert len(stand.calls) == 1
    with pytest.raises(Later):  # nor does another process
        await MATRIX.sign(context(stand), Place(ALICE, "private", "$1", PEOPLE["alice"]))
    assert len(stand.calls) == 1


# ---- check ----


@pytest.fixture
def service() -> Iterator[HTTPServer]:
    """Where the homeserver reaches us: it answers what `status` says."""

    class Us(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            right = self.headers["Authorization"] == f"Bearer {HS_TOKEN}"
            self.send_response(self.server.status if right else 403)  # type: ignore[attr-defined]
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Us)
    server.status = 200  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


async def wrong(stand: MatrixStand, **config: Any) -> dict[str, str]:
    found = await MATRIX.check(context(stand, **config))
    return {check.name: check.text.en for check in found if not check.ok}


async def test_a_sound_bot(stand: MatrixStand, service: HTTPServer) -> None:
    stand.target = f"http://127.0.0.1:{service.server_port}/webhooks/matrix/office"
    found = await MATRIX.check(context(stand, Facts(address=f"{stand.target}/")))
    assert {check.name for check in found} == {"api_base", "as_token", "hs_token"}
    assert all(check.ok for check in found)


@pytest.mark.parametrize(
    ("config", "name", "word"),
    [
        ({"as_token": ""}, "as_token", "missing"),
        ({"hs_token": ""}, "hs_token", "missing"),
        ({"as_token": "other"}, "as_token", "does not know"),
        ({"user_id": "@other:stand.test"}, "user_id", "sender_localpart"),
        ({"api_base": "http://127.0.0.1:9"}, "api_base", "no Matrix homeserver"),
    ],
)
async def test_check_names_exactly_what_is_wrong(
    stand: MatrixStand, service: HTTPServer, config: dict[str, str], name: str, word: str
) -> None:
    stand.target = f"http://127.0.0.1:{service.server_port}/"
    found = await wrong(stand, **config)
    assert list(found) == [name]
    assert word in found[name]


async def test_another_kind_of_server_is_told(stand: MatrixStand) -> None:
    stand.fail("/versions", "answer", Answer(200, {"hello": "world"}))
    assert list(await wrong(stand)) == ["api_base"]


@pytest.mark.parametrize(
    ("status", "name", "word"),
    [(403, "hs_token", "another hs_token"), (404, "url", "not this bot's"), (503, "url", "503")],
)
async def test_what_the_homeserver_meets_is_told(
    stand: MatrixStand, service: HTTPServer, status: int, name: str, word: str
) -> None:
    service.status = status  # type: ignore[attr-defined]
    stand.target = f"http://127.0.0.1:{service.server_port}"
    found = await wrong(stand)
    assert list(found) == [name]
    assert word in found[name]


async def test_an_address_that_the_homeserver_cannot_reach_is_told(stand: MatrixStand) -> None:
    stand.target = "http://127.0.0.1:9"
    assert list(await wrong(stand)) == ["url"]


async def test_a_homeserver_that_cannot_ping_tells_nothing(stand: MatrixStand) -> None:
    stand.fail("/ping", "answer", Answer(404, {"errcode": "M_UNRECOGNIZED"}), times=2)
    assert await wrong(stand) == {}
