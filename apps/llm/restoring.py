"""What a model said, as its audience may read it: placeholders undone, the company's words kept."""

from __future__ import annotations

from dataclasses import replace

from apps.llm import wordlist
from apps.llm.privacy import Veiled
from apps.llm.shapes import Answer, Piece, Purpose


class Restorer:
    """Restores one answer, whole or in pieces. Raises what refuses to show it."""

    def __init__(self, veiled: Veiled, purpose: Purpose, *, streamed: bool) -> None:
        self._veiled = veiled
        self._purpose = purpose
        self._strands = (_Strand(veiled, purpose), _Strand(veiled, purpose)) if streamed else None

    @property
    def watching(self) -> bool:
        """Is every piece looked at for the company's words, which are rows?"""
        return self._strands is not None and self._strands[0].watching

    def piece(self, piece: Piece) -> Piece:
        """The next piece; text may be held back until a later one. The last holds the answer."""
        answer = None if piece.answer is None else self._whole(piece.answer)
        if self._strands is None:
            return replace(piece, answer=answer)
        text, reasoning = self._strands
        over = answer is not None
        return Piece(text.feed(piece.text, over), reasoning.feed(piece.reasoning, over), answer)

    def _whole(self, answer: Answer) -> Answer:
        restored = self._veiled.restore(answer)
        wordlist.check_answer(restored, self._purpose)
        return restored


class _Strand:
    """One of the two texts of a stream: what is said, or how the model reasons."""

    def __init__(self, veiled: Veiled, purpose: Purpose) -> None:
        self._unveil = veiled.streamer()
        self._censor = wordlist.censor(purpose)

    @property
    def watching(self) -> bool:
        return self._censor.watching

    def feed(self, text: str, over: bool) -> str:
        shown = self._censor.feed(self._unveil.feed(text)) if text else ""
        if over:
            shown += self._censor.feed(self._unveil.end()) + self._censor.end()
        return shown
