"""Server-sent events, as the HTML standard parses them: html.spec.whatwg.org, section 9.2.6.

Lines end with CR, LF or both; a comment begins with a colon; an empty line ends an event; several
`data` lines are one text. Different from the standard: an event that nothing ends counts when the
stream is over, since some servers leave out the last empty line, and bytes that are no UTF-8 are
an error.
"""

from __future__ import annotations

import re

_LINE = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class BadStream(ValueError):
    """The bytes are no event stream."""


class Events:
    """Feed it bytes as they come; it gives the `data` of each event that is complete."""

    def __init__(self) -> None:
        self._bytes = b""
        self._data: list[str] = []
        self._first = True

    def feed(self, data: bytes) -> list[str]:
        """Return the events that these bytes complete. Raises `BadStream`."""
        self._bytes += data
        lines = _LINE.split(self._bytes)
        # A CR at the very end may be the half of a CRLF, whose other half is still to come.
        if self._bytes.endswith(b"\r"):
            lines[-2:] = [lines[-2] + b"\r"]
        self._bytes = lines.pop()
        return [event for line in lines if (event := self._line(line)) is not None]

    def end(self) -> list[str]:
        """Return what the end of the stream completes. Raises `BadStream`."""
        rest, self._bytes = self._bytes.removesuffix(b"\r"), b""
        events = [self._line(rest)] if rest else []
        events.append(self._line(b""))
        return [event for event in events if event is not None]

    def _line(self, line: bytes) -> str | None:
        if self._first:
            self._first, line = False, line.removeprefix(_BOM)
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        if name == b"data":
            try:
                self._data.append(value.removeprefix(b" ").decode())
            except UnicodeDecodeError as error:
                raise BadStream("not UTF-8") from error
        return None

    def _dispatch(self) -> str | None:
        if not self._data:
            return None
        text, self._data = "\n".join(self._data), []
        return text
