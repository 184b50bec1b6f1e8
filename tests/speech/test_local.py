"""The local transcriber on English of espeak-ng, where the optional extra is installed."""

from __future__ import annotations

import pytest

from apps.speech import hearing
from apps.speech.decode import Sound
from apps.speech.errors import Silence
from tests.speech import sounds

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _extra() -> None:
    sounds.need_local()


def heard(text: str) -> str:
    return hearing.hear(sounds.spoken(text), "audio/wav").text.casefold()


def test_english_is_heard_as_it_was_said() -> None:
    assert heard("What is the system status?").rstrip("?") == "what is the system status"


def test_silence_and_noise_are_no_words() -> None:
    with pytest.raises(Silence):
        hearing.hear(Sound(bytes(2 * 16_000 * 3)).wav(), "audio/wav")
    with pytest.raises(Silence):
        hearing.hear(Sound(sounds.tone(3.0)).wav(), "audio/wav")
