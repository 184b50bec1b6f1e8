"""What leaves for a model is masked first, and what comes back is restored for whoever asked.

    veiled = privacy.veil(ask, purpose, row)   # before the call
    answer = veiled.restore(answer)            # after it; `veiled.streamer()` for a stream

The gateway sends and stores `veiled.ask` and the answer as it came; nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from apps.llm.errors import ModelError
from apps.llm.models import LanguageModel
from apps.llm.shapes import Answer, Ask, Purpose


class UnknownPlaceholder(ModelError):
    """The model {model} named data that nobody gave it ({token}). Please ask again."""

    code = "unknown_placeholder"
    zh = "模型 {model} 提到了没有给过它的数据（{token}），请重新提问。"


class Streamer:
    """Restores a stream: what may be a part of a placeholder is held back until it is whole."""

    def feed(self, text: str) -> str:
        """Take the next piece; return what can be shown by now."""
        return text

    def end(self) -> str:
        """The stream is over: return what was held back."""
        return ""


@dataclass(frozen=True, slots=True)
class Veiled:
    """A question without what must not leave. `counts`: how often each kind was masked."""

    ask: Ask
    counts: Mapping[str, int]

    def restore(self, answer: Answer) -> Answer:
        """The answer with the originals in its text, its calls' arguments and its data.

        `raw` stays as it came. Raises `UnknownPlaceholder` when an argument or the data holds a
        placeholder that stands for nothing: it must not be acted on.
        """
        return answer

    def streamer(self) -> Streamer:
        """A restorer of one stream of text."""
        return Streamer()


def veil(ask: Ask, purpose: Purpose, row: LanguageModel) -> Veiled:
    """Mask all turns of a question: what people, tools and the model itself said.

    The same value keeps its placeholder as long as `purpose.audience` talks. An internal model
    that is `unmasked` reads everything as it is; one elsewhere never does. Synchronous, reads and
    writes the database.
    """
    return Veiled(ask, {})
