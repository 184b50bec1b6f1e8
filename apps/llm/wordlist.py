"""The company's words that must not leave, or must not be answered."""

from __future__ import annotations

from apps.llm.models import LanguageModel
from apps.llm.shapes import Answer, Ask, Purpose


class Censor:
    """Watches a stream of restored text for words that must not be answered."""

    def feed(self, text: str) -> str:
        """Take the next piece; return what can be shown by now. Raises `ListedAnswer`."""
        return text

    def end(self) -> str:
        """The stream is over: return what was held back. Raises `ListedAnswer`."""
        return ""


def check_ask(row: LanguageModel, ask: Ask, purpose: Purpose) -> None:
    """Raise `ListedQuestion` or `MustNotLeave`; audited with the word's id, never its text."""


def check_answer(answer: Answer, purpose: Purpose) -> None:
    """Raise `ListedAnswer` when a (restored) answer holds a word that must not be answered."""


def censor(purpose: Purpose) -> Censor:
    """A watcher of one stream, to be put behind `Veiled.streamer()`."""
    return Censor()
