"""The local transcriber: Whisper (CTranslate2, int8) on samples. Runs in the child process only.

Temperature 0 and no look-back: the fall-back to higher temperatures costs ten times the work on
noise and makes up words (measured; docs/speech.md).
"""

from __future__ import annotations

from typing import Any

#: Worse than this on average, the words are guesses; measured on read speech it is above -0.6.
UNSURE = -0.8
#: Beyond this no word is believed (Whisper's own default).
NOISE = -1.2
SILENT = 0.6
#: gzip packs normal speech less than this; loops pack better (Whisper's own default).
LOOPED = 2.4
_SHORTEST_S = 0.2


def hear(samples: bytes, options: dict[str, Any]) -> dict[str, Any]:
    """`{"text", "language", "sure"}`; the text is empty when nothing was said.

    `options`: `model` (a folder), `threads`, `languages` (the first wins a draw).
    """
    import numpy as np
    from faster_whisper import WhisperModel
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    sound = np.frombuffer(samples, dtype="<i2").astype(np.float32) / 32768.0
    if not get_speech_timestamps(sound, VadOptions(threshold=0.4, min_speech_duration_ms=100)):
        return {"text": "", "language": "", "sure": True}
    model = WhisperModel(
        options["model"],
        device="cpu",
        compute_type="int8",
        cpu_threads=int(options["threads"]),
        local_files_only=True,
    )
    language = _language(model, sound, list(options["languages"]))
    found, _ = model.transcribe(
        sound,
        language=language,
        temperature=0,
        beam_size=5,
        condition_on_previous_text=False,
        max_new_tokens=200,
        vad_filter=True,
        vad_parameters={"threshold": 0.4, "min_speech_duration_ms": 100},
    )
    segments = [one for one in found if not _made_up(one)]
    text = "".join(one.text for one in segments).strip()
    sure = all(one.avg_logprob > UNSURE and one.compression_ratio < LOOPED for one in segments)
    return {"text": text, "language": language, "sure": sure}


def _language(model: Any, sound: Any, languages: list[str]) -> str:
    """The likeliest of the languages that are spoken here."""
    if len(languages) == 1:
        return str(languages[0])
    _, _, probabilities = model.detect_language(sound)
    known = dict(probabilities)
    return str(max(languages, key=lambda one: known.get(one, 0.0)))


def _made_up(segment: Any) -> bool:
    return bool(segment.no_speech_prob > SILENT and segment.avg_logprob < UNSURE) or bool(
        segment.avg_logprob < NOISE
    )
