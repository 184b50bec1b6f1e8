"""Voice and files from end to end: real workers, a real decoder, a stand-in that transcribes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from apps.simulate.desk import Push
from apps.simulate.transcriber import KEY, MODEL, TranscriberStand
from tests.speech import sounds
from tests.stack.house import ANSWER_S, DESK, House
from tests.stack.post import post

pytestmark = pytest.mark.stack


@pytest.fixture
def stand(house: House) -> Iterator[TranscriberStand]:
    """Who transcribes for the house."""
    with TranscriberStand() as made:
        settings = [f"base_url={made.url}", f"model={MODEL}", f"api_key={KEY}"]
        house.home.command("speech", "set", *settings)
        yield made
        house.home.command("speech", "off")


def send(house: House, push: Push) -> str:
    """Deliver an event; returns the id of the message that it brought."""
    assert post(house.home.port, f"/webhooks/feishu/{DESK}/", push.body, push.headers) == 200
    return push.message_id


def answers(house: House, message_id: str, count: int) -> list[str]:
    """The words of what people see under a message, once there is so much."""
    seen = f"reply:{message_id}"
    arrived = house.desk.wait(lambda: len(house.desk.visible(seen)) >= count, ANSWER_S)
    assert arrived, [*house.home.ask("details"), house.home.complaints("worker-jobs")]
    return [one.words for one in house.desk.visible(seen)]


def files(house: House) -> list[tuple[str, bytes]]:
    """All files that people see."""
    return [file for one in house.desk.visible() for file in one.files]


def test_a_voice_message_runs_what_was_said(house: House, stand: TranscriberStand) -> None:
    stand.words = "Slash ping."
    voice = sounds.encoded("amr", sounds.tone(1.0))
    first = send(house, house.desk.send_file(voice, "v.amr", voice=True))
    after = send(house, house.desk.say("/echo after"))
    (answer,) = answers(house, first, 1)
    assert "/ping" in answer
    assert "pong" in answer
    assert "after" in answers(house, after, 1)[0]
    ids = [one.reply_to for one in house.desk.visible() if one.reply_to in {first, after}]
    assert ids == [first, after]


def test_a_file_goes_in_and_a_file_comes_out(house: House) -> None:
    house.home.ask("allow", role="operator", permissions=["skill.file", "skill.export"])
    alone = send(house, house.desk.send_file(b"a,b\n1,2\n", "t.csv"))
    assert "t.csv" in answers(house, alone, 1)[0]
    told = send(house, house.desk.say("/file"))
    assert "text/csv" in json.dumps(answers(house, told, 1))
    send(house, house.desk.say("/export"))  # its answer is for Alice alone
    assert house.desk.wait(lambda: bool(files(house)), ANSWER_S), house.home.ask("details")
    ((name, data),) = files(house)
    assert name.endswith(".csv")
    assert data.startswith(b"\xef\xbb\xbf")
