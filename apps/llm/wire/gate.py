"""Holds back streamed text that may turn out to be a tool call."""

from __future__ import annotations

from apps.llm.wire.tails import begun

_STARTS = ("{", "[", "```", "<tool_call>")
_TAG = "<tool_call>"


class Gate:
    """Text that begins like a call is held from there on; any other goes through at once."""

    def __init__(self, *, on: bool) -> None:
        self._on = on
        self._begun = False
        self._held = ""
        self._shut = False

    def let(self, text: str) -> str:
        """Return what may be shown now."""
        if not self._on:
            return text
        self._held += text
        if self._shut or self._waits():
            return ""
        before, tag, _ = self._held.partition(_TAG)
        cut = len(before) if tag else len(self._held) - begun(self._held, _TAG)
        self._shut = bool(tag)
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown

    def rest(self) -> str:
        """Return what was held: it was no call."""
        held, self._held = self._held, ""
        return held

    def _waits(self) -> bool:
        """Is the beginning still open, or that of a call?"""
        if self._begun:
            return False
        start = self._held.lstrip()
        if not start or any(one.startswith(start) for one in _STARTS):
            return True
        self._begun = True
        self._shut = start.startswith(_STARTS)
        return self._shut
