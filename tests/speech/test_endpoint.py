"""The endpoint, against a strict stand-in: Chinese and English, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.audit.log import Actor
from apps.simulate.server import Answer
from apps.simulate.transcriber import KEY, MODEL, TranscriberStand
from apps.speech import actions, endpoint, hearing, local
from apps.speech.decode import Sound
from apps.speech.errors import NoTranscriber, RefusedHere, Silence, TryLater
from apps.speech.models import Transcriber
from tests.speech import sounds

SYSTEM = Actor.system("test")
pytestmark = pytest.mark.django_db


@pytest.fixture
def stand() -> Iterator[TranscriberStand]:
    """The endpoint, and the installation that uses it."""
    with TranscriberStand() as made:
        use(made)
        yield made


def use(stand: TranscriberStand, **changes: str) -> Transcriber:
    values = {"base_url": f"{stand.url}/v1", "model": MODEL, "api_key": KEY, "language": ""}
    return actions.set_transcriber(**values | changes, actor=SYSTEM)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "text"),
    [("明天上午九點開會。", "明天上午九点开会"), ("Slash ping.", "/ping"), ("状态", "状态")],
)
def test_both_languages(stand: TranscriberStand, said: str, text: str) -> None:
    stand.words = said
    heard = hearing.hear(sounds.encoded("amr", sounds.tone(2.0)), "audio/amr")
    assert (heard.text, heard.sure, heard.by) == (text, True, MODEL)
    assert stand.heard_s == [pytest.approx(2.0, abs=0.1)]


def test_silence_is_no_command(stand: TranscriberStand) -> None:
    stand.words = "谢谢观看"
    with pytest.raises(Silence):
        hearing.hear(Sound(sounds.tone()).wav(), "audio/wav")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(429, {}), TryLater),
        (Answer(503, {}), TryLater),
        (Answer(400, {}), RefusedHere),
        (Answer(200, {"words": "x"}), RefusedHere),
        (Answer(200, b"<html>"), RefusedHere),
    ],
)
def test_what_it_answers_instead(
    stand: TranscriberStand, answer: Answer, error: type[Exception]
) -> None:
    stand.fail("/audio/", "answer", answer)
    with pytest.raises(error):
        hearing.hear(Sound(sounds.tone()).wav(), "audio/wav")


def test_a_cut_connection_is_tried_later(stand: TranscriberStand) -> None:
    stand.fail("/audio/", "cut", times=2)
    with pytest.raises(TryLater):
        hearing.hear(Sound(sounds.tone()).wav(), "audio/wav")


def test_a_wrong_key_or_model_is_for_the_administrator(stand: TranscriberStand) -> None:
    use(stand, api_key="wrong")
    with pytest.raises(RefusedHere, match="401"):
        hearing.hear(Sound(sounds.tone()).wav(), "audio/wav")
    assert [look.ok for look in actions.check()] == [False]


def test_the_key_is_stored_sealed_and_stays_when_it_is_not_given(stand: TranscriberStand) -> None:
    row = Transcriber.objects.get()
    assert KEY not in row.api_key
    use(stand, model="another", api_key=None)  # type: ignore[arg-type]
    row.refresh_from_db()
    assert endpoint.api_key(row) == KEY


@pytest.mark.parametrize(
    ("base_url", "address"),
    [
        ("https://a.example", "https://a.example/v1/audio/transcriptions"),
        ("https://a.example/v1/", "https://a.example/v1/audio/transcriptions"),
        ("http://10.0.0.5:9000/api/v1", "http://10.0.0.5:9000/api/v1/audio/transcriptions"),
        ("https://a.example/x/audio/transcriptions", "https://a.example/x/audio/transcriptions"),
    ],
)
def test_how_the_address_may_be_written(base_url: str, address: str) -> None:
    assert endpoint.address(base_url) == address


def test_without_anything_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "installed", lambda: False)
    with pytest.raises(NoTranscriber):
        hearing.hear(Sound(sounds.tone()).wav(), "audio/wav")
    assert not actions.check()[0].ok


def run(*words: str) -> str:
    out = StringIO()
    call_command("speech", *words, stdout=out)
    return out.getvalue()


def test_the_command(stand: TranscriberStand, tmp_path: Path) -> None:
    address = f"base_url={stand.url}/v1"
    run("set", address, f"model={MODEL}", f"api_key={KEY}", "language=zh")
    shown = json.loads(run("show", "--json"))
    assert (shown["by"], shown["language"]) == ("endpoint", "zh")
    assert KEY not in run("show")
    assert "ok" in run("check")
    (tmp_path / "a.wav").write_bytes(Sound(sounds.tone()).wav())
    stand.words = "你好。"
    assert json.loads(run("check", str(tmp_path / "a.wav"), "--json"))["text"] == "你好"
    for wrong in (
        ["base_url=ftp://x", "model=m"],
        [address],
        ["x=1"],
        [address, "model=m", "language=fr"],
    ):
        with pytest.raises(CommandError) as refused:
            run("set", *wrong)
        assert refused.value.returncode == 2
    run("off")
    assert not Transcriber.objects.get().enabled
