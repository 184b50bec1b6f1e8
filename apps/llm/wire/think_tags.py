"""Takes `<think>…</think>` at the beginning of a text apart from it, also across pieces."""

from __future__ import annotations

from apps.llm.wire.tails import begun

OPEN, CLOSE = "<think>", "</think>"


class ThinkTags:
    """Feed it the text as it comes; what may still become a tag is held back."""

    def __init__(self, *, opened: bool = False) -> None:
        self._state = "inside" if opened else "before"
        self._held = ""

    def feed(self, text: str) -> tuple[str, str]:
        """Return the new text and the new reasoning."""
        self._held += text
        said, thought = "", ""
        if self._state == "before":
            self._begin()
        if self._state == "inside":
            thought = self._inside()
        if self._state in {"outside", "trimming"}:
            said = self._outside()
        return said, thought

    def rest(self) -> tuple[str, str]:
        """Return what was held back, at the end of everything."""
        held, self._held = self._held, ""
        return ("", held) if self._state == "inside" else (held, "")

    def _begin(self) -> None:
        start = self._held.lstrip()
        if start.startswith(OPEN):
            self._state, self._held = "inside", start.removeprefix(OPEN)
        elif start and not OPEN.startswith(start):
            self._state = "outside"

    def _inside(self) -> str:
        thought, tag, after = self._held.partition(CLOSE)
        if tag:
            self._state, self._held = "trimming", after
            return thought
        cut = len(self._held) - begun(self._held, CLOSE)
        thought, self._held = self._held[:cut], self._held[cut:]
        return thought

    def _outside(self) -> str:
        if self._state == "trimming":
            # The empty lines between the thoughts and the answer.
            self._held = self._held.lstrip()
            if not self._held:
                return ""
            self._state = "outside"
        said, self._held = self._held, ""
        return said
