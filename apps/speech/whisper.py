"""The local transcriber: Whisper (CTranslate2, int8) on samples. Runs in the child process only.

Temperature 0, no timestamps, no look-back: the fall-back to higher temperatures costs ten times the
work on noise and makes up words (measured; docs/speech.md). Each window is encoded once, for the
language and for the words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

RATE = 16_000
#: Whisper looks at 30 s at a time.
WINDOW_S = 28.0
_PADDING = RATE // 5
_FRAMES = 3000
_MOST_TOKENS = 200
#: Worse than this on average, the words are guesses; measured on read speech it is above -0.6.
UNSURE = -0.8
#: Beyond this no word is believed.
NOISE = -1.2
SILENT = 0.6
#: zlib packs normal speech less than this; loops pack better (Whisper's own default).
LOOPED = 2.4


def hear(samples: bytes, options: dict[str, Any]) -> dict[str, Any]:
    """`{"text", "language", "sure"}`; the text is empty when nothing was said.

    `options`: `model` (a folder), `threads`, `languages` (the first wins a draw).
    """
    import numpy as np
    from faster_whisper import WhisperModel

    sound = np.frombuffer(samples, dtype="<i2").astype(np.float32) / 32768.0
    windows = list(_windows(_spoken(sound), len(sound)))
    if not windows:
        return {"text": "", "language": "", "sure": True}
    model = WhisperModel(
        options["model"], device="cpu", compute_type="int8",
        cpu_threads=int(options["threads"]), local_files_only=True,
    )  # fmt: skip
    language, sure, texts = "", True, []
    for start, end in windows:
        encoded = _encoded(model, sound[start:end])
        language = language or _language(model, encoded, list(options["languages"]))
        text, certain = _words(model, encoded, language)
        texts.append(text)
        sure = sure and certain
    return {"text": "".join(texts).strip(), "language": language, "sure": sure}


def _spoken(sound: Any) -> Sequence[dict[str, int]]:
    """Where somebody speaks (Silero's model, which comes with faster-whisper)."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    wanted = VadOptions(
        threshold=0.4, min_speech_duration_ms=100, max_speech_duration_s=WINDOW_S - 1
    )
    found: Sequence[dict[str, int]] = get_speech_timestamps(sound, wanted)
    return found


def _windows(spoken: Sequence[dict[str, int]], length: int) -> Iterator[tuple[int, int]]:
    """As few stretches as hold all speech, cut where nobody speaks."""
    start = end = -1
    for one in spoken:
        if start >= 0 and one["end"] - start > WINDOW_S * RATE:
            yield max(0, start - _PADDING), min(length, end + _PADDING)
            start = -1
        start = one["start"] if start < 0 else start
        end = one["end"]
    if start >= 0:
        yield max(0, start - _PADDING), min(length, end + _PADDING)


def _encoded(model: Any, sound: Any) -> Any:
    from faster_whisper.audio import pad_or_trim

    return model.encode(pad_or_trim(model.feature_extractor(sound)[:, :_FRAMES], _FRAMES))


def _language(model: Any, encoded: Any, languages: list[str]) -> str:
    """The likeliest of the languages that are spoken here."""
    if len(languages) == 1:
        return languages[0]
    known = {token[2:-2]: chance for token, chance in model.model.detect_language(encoded)[0]}
    return max(languages, key=lambda one: known.get(one, 0.0))


def _words(model: Any, encoded: Any, language: str) -> tuple[str, bool]:
    """What is said in one window, and whether that is certain."""
    from faster_whisper.tokenizer import Tokenizer
    from faster_whisper.transcribe import get_compression_ratio, get_suppressed_tokens

    tokenizer = Tokenizer(model.hf_tokenizer, True, task="transcribe", language=language)
    (found,) = model.model.generate(
        encoded,
        [[*tokenizer.sot_sequence, tokenizer.no_timestamps]],
        beam_size=5,
        max_length=_MOST_TOKENS,
        return_scores=True,
        return_no_speech_prob=True,
        suppress_blank=True,
        suppress_tokens=list(get_suppressed_tokens(tokenizer, [-1])),
    )
    tokens = found.sequences_ids[0]
    # CTranslate2 gives the mean over the tokens; Whisper counts the one that ends them, too.
    score = found.scores[0] * len(tokens) / (len(tokens) + 1)
    text = str(tokenizer.decode(tokens))
    if score < NOISE or (found.no_speech_prob > SILENT and score < UNSURE):
        return "", True
    return text, bool(score > UNSURE and get_compression_ratio(text) < LOOPED)
