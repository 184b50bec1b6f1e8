"""Matrix from end to end: a real homeserver (Synapse), a real client (matrix-nio), one answer."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.simulate.transcriber import KEY, MODEL, TranscriberStand
from tests.console.stack import wait_for
from tests.services.synapse import BOT, Missing
from tests.speech.sounds import encoded, tone
from tests.stack.matrix_home import ANSWER_S, MatrixHome, answered

pytestmark = [pytest.mark.stack, pytest.mark.synapse]
STORM = 60


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MatrixHome]:
    """One installation and one homeserver for all tests here; skips without a homeserver."""
    try:
        made = MatrixHome(tmp_path_factory.mktemp("matrix"))
    except Missing as missing:
        pytest.skip(str(missing))
    with made:
        yield made


def settled(matrix: MatrixHome) -> None:
    """Wait until nothing is under way."""
    matrix.home.settled(ANSWER_S)


def test_ping_in_a_room_gets_one_pong(matrix: MatrixHome) -> None:
    room = matrix.alice.room_with_bot()
    asked = matrix.alice.say(room, "/ping")
    assert matrix.alice.answer(room, asked) == "pong"
    settled(matrix)
    assert len(matrix.alice.from_bot(room)) == 1
    assert len([e for e in matrix.alice.call("history", room=room) if e["sender"] == BOT]) == 1


def test_a_command_behind_an_exclamation_mark(matrix: MatrixHome) -> None:
    room = matrix.alice.room_with_bot()
    asked = matrix.alice.say(room, "!echo hello there")
    assert "hello there" in matrix.alice.answer(room, asked)


def test_the_first_message_of_a_new_room_is_answered_too(matrix: MatrixHome) -> None:
    """Clients open a direct room with the first message, before the bot can have joined."""
    room = matrix.alice.call("create_room", invite=[BOT])
    asked = matrix.alice.say(room, "/ping")
    assert matrix.alice.answer(room, asked) == "pong"
    settled(matrix)
    assert len(matrix.alice.from_bot(room)) == 1


def test_in_a_group_only_who_speaks_to_the_bot_is_answered(matrix: MatrixHome) -> None:
    alice, bob = matrix.alice, matrix.bob
    room = alice.room_with_bot(bob.user, direct=False)
    bob.call("join", room=room)
    wait_for(lambda: alice.has(room, bob.user), ANSWER_S, "bob's joining")
    overheard = alice.say(room, "/ping")
    asked = bob.say(room, "clawdbot: /ping")
    assert bob.answer(room, asked) == "pong"
    pill = f'<a href="https://matrix.to/#/{BOT}">ClawdBot</a>: /ping'
    formatted = {"format": "org.matrix.custom.html", "formatted_body": pill}
    mention = {"m.mentions": {"user_ids": [BOT]}}
    asked = alice.say(room, "ClawdBot: /ping", **formatted, **mention)
    assert alice.answer(room, asked) == "pong"
    settled(matrix)
    assert not alice.answers(room, overheard)


def test_a_room_becomes_a_group_when_somebody_joins_and_private_when_they_go(
    matrix: MatrixHome,
) -> None:
    alice, bob = matrix.alice, matrix.bob
    room = alice.room_with_bot()
    assert alice.answer(room, alice.say(room, "/ping")) == "pong"
    alice.call("invite", room=room, user=bob.user)
    bob.call("join", room=room)
    wait_for(lambda: alice.has(room, bob.user), ANSWER_S, "bob's joining")
    overheard = alice.say(room, "/ping")
    asked = alice.say(room, f"{BOT} /ping")
    assert alice.answer(room, asked) == "pong"
    assert not alice.answers(room, overheard)
    bob.call("leave", room=room)
    wait_for(lambda: not alice.has(room, bob.user), ANSWER_S, "bob's leaving")
    assert alice.answer(room, alice.say(room, "/ping")) == "pong"


def test_the_bot_comes_to_nobody_it_does_not_know(matrix: MatrixHome) -> None:
    room = matrix.mallory.call("create_room", invite=[BOT])
    wait_for(
        lambda: matrix.mallory.call("membership", room=room, user=BOT) == "leave",
        ANSWER_S,
        "the refusal",
    )


def test_an_encrypted_room_is_told_once_that_it_cannot_be_read(matrix: MatrixHome) -> None:
    state = {"type": "m.room.encryption", "state_key": ""}
    state |= {"content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    room = matrix.alice.room_with_bot(initial_state=[state])
    wait_for(lambda: matrix.alice.from_bot(room), ANSWER_S, "the notice")
    settled(matrix)
    (told,) = matrix.alice.from_bot(room)
    assert "encrypted" in told["content"]["body"]


def test_an_answer_stays_in_the_thread(matrix: MatrixHome) -> None:
    room = matrix.alice.room_with_bot()
    root = matrix.alice.say(room, "/echo the beginning")
    matrix.alice.answer(room, root)
    relation = {"rel_type": "m.thread", "event_id": root, "is_falling_back": True}
    relation |= {"m.in_reply_to": {"event_id": root}}
    asked = matrix.alice.say(room, "/ping", **{"m.relates_to": relation})
    matrix.alice.answer(room, asked)
    (shown,) = matrix.alice.answers(room, asked)
    assert shown["content"]["m.relates_to"]["rel_type"] == "m.thread"
    assert shown["content"]["m.relates_to"]["event_id"] == root


def test_what_cannot_be_read_holds_nothing_up(matrix: MatrixHome) -> None:
    """A homeserver repeats a refused transaction before all else."""
    room = matrix.alice.room_with_bot()
    matrix.alice.say(room, "a\0b")
    assert matrix.alice.answer(room, matrix.alice.say(room, "/ping")) == "pong"


def test_a_voice_message_gets_its_transcript(matrix: MatrixHome, tmp_path: Path) -> None:
    """Recorded by a client, stored at the homeserver, fetched with authorisation, heard."""
    room = matrix.alice.room_with_bot()
    recording = tmp_path / "voice.ogg"
    recording.write_bytes(encoded("opus", tone(1.5)))
    with TranscriberStand(words="echo spoken words") as ear:
        matrix.home.command(
            "speech", "set", f"base_url={ear.url}/v1", f"model={MODEL}", f"api_key={KEY}"
        )
        address = matrix.alice.call("upload", path=str(recording), mime="audio/ogg")
        info = {"mimetype": "audio/ogg", "size": recording.stat().st_size, "duration": 1500}
        content = {"msgtype": "m.audio", "body": "voice.ogg", "url": address, "info": info}
        asked = matrix.alice.post(room, {**content, "org.matrix.msc3245.voice": {}})
        assert "spoken words" in matrix.alice.answer(room, asked)
        assert [round(seconds, 1) for seconds in ear.heard_s] == [1.5]
    settled(matrix)
    assert len(matrix.alice.answers(room, asked)) == 1


def test_check_finds_nothing_wrong(matrix: MatrixHome) -> None:
    found = matrix.home.command("bot", "check", "office")
    assert "NO " not in found
    assert "hs_token" in found  # the homeserver called us


def test_a_restart_of_the_homeserver_in_mid_run_loses_and_repeats_nothing(
    matrix: MatrixHome,
) -> None:
    """Killed while answers are under way, later stopped in order while questions come."""
    people = [matrix.alice, matrix.bob]
    rooms = [one.room_with_bot() for one in people]
    asked: list[tuple[int, str]] = []
    for number in range(STORM):
        who = number % len(people)
        if number == STORM // 3:
            matrix.synapse.crash()
            matrix.synapse.start()
        if number == 2 * STORM // 3:
            matrix.synapse.stop()
            matrix.synapse.start()
        asked.append((who, people[who].say(rooms[who], f"/echo {uuid.uuid4()}")))
    for who, event_id in asked:
        people[who].answer(rooms[who], event_id)
    settled(matrix)
    for who, one in enumerate(people):
        shown = Counter(answered(event) for event in one.call("history", room=rooms[who])
                        if event["sender"] == BOT)  # fmt: skip
        assert shown == Counter(event_id for whose, event_id in asked if whose == who)
