"""One request to one model: as a whole, or as a stream whose pieces come as they are made."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from apps.core import strictjson
from apps.core.http import HttpError, Streaming, door
from apps.core.i18n import Text, both
from apps.llm.errors import BadAnswer, Network
from apps.llm.shapes import Piece
from apps.llm.wire.faults import fault
from apps.llm.wire.gathered import Gathered
from apps.llm.wire.limits import MAX_ANSWER, left
from apps.llm.wire.line import Line
from apps.llm.wire.sse import BadStream, Events

DONE = "[DONE]"


async def whole(line: Line, body: Mapping[str, Any], deadline: float) -> Gathered:
    """Ask, and wait for all of the answer. Raises `ModelError` or `HttpError`."""
    found = await posted(line, line.chat_url, body, deadline)
    gathered = Gathered(opened_think=line.quirks.opened_think)
    _take(line, gathered, found)
    gathered.end()
    if not gathered.finish and not found.get("choices"):
        raise _unreadable(line, "no choices")
    return gathered


async def posted(line: Line, url: str, body: Mapping[str, Any], deadline: float) -> dict[str, Any]:
    """Post a request and return the JSON object that answers it, checked for errors inside."""
    response = await door.post(
        url, configured=True, json=body, headers=line.headers(), timeout=left(deadline),
        max_bytes=MAX_ANSWER,
    )  # fmt: skip
    if not response.ok:
        raise _refused(line, response.status, response.body, response.headers)
    return _judged(line, response.body, response.headers)


async def pieces(
    line: Line, body: Mapping[str, Any], gathered: Gathered, deadline: float
) -> AsyncGenerator[Piece, None]:
    """Ask, and give the answer's pieces as they come; `gathered` holds the whole in the end.

    Raises `ModelError` or `HttpError`; a stream that breaks off before its end is `Network`.
    """
    async with door.stream(
        "POST", line.chat_url, configured=True, json=body, timeout=left(deadline),
        headers={**line.headers(), "accept": "text/event-stream"}, max_bytes=MAX_ANSWER,
    ) as answer:  # fmt: skip
        if not 200 <= answer.status < 300:
            raise _refused(line, answer.status, await _all(answer), answer.headers)
        if "json" in answer.headers.get("content-type", ""):
            # An error inside a 200, or a server that doesn't stream.
            chunks = _one(_judged(line, await _all(answer), answer.headers))
        else:
            chunks = _chunks(line, answer, gathered)
        async for chunk in chunks:
            if (piece := _take(line, gathered, chunk)) is not None:
                yield piece
    if (piece := gathered.end()) is not None:
        yield piece


async def _one(chunk: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    yield chunk


async def _chunks(
    line: Line, answer: Streaming, gathered: Gathered
) -> AsyncIterator[dict[str, Any]]:
    """The objects of a stream until its end, which has to be said: by `[DONE]` or by a reason."""
    events = Events()
    try:
        async for data in answer.chunks():
            for event in events.feed(data):
                if event.strip() == DONE:
                    return
                yield _judged(line, event, answer.headers)
        for event in events.end():
            if event.strip() == DONE:
                return
            yield _judged(line, event, answer.headers)
    except BadStream as error:
        raise _unreadable(line, str(error)) from error
    except HttpError:
        if not gathered.finish:
            raise
        return  # everything was said; only the end of the stream is missing
    if not gathered.finish:
        raise Network("the stream ended before the answer did", model=line.target.name)


def _judged(line: Line, data: bytes | str, headers: Mapping[str, str]) -> dict[str, Any]:
    """The JSON object in an answer or an event, unless it is an error."""
    try:
        found = strictjson.loads(data)
    except strictjson.MalformedJson as error:
        raise _unreadable(line, f"no JSON: {error.reason}") from error
    complaint = line.provider.complaint(found)
    if complaint is not None:
        raise fault(line, 200, complaint, headers)
    if not isinstance(found, dict):
        raise _unreadable(line, "no JSON object")
    return found


def _take(line: Line, gathered: Gathered, chunk: dict[str, Any]) -> Piece | None:
    try:
        return gathered.take(chunk)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise _unreadable(line, f"an unknown shape: {error!r}") from error


def _refused(line: Line, status: int, body: bytes, headers: Mapping[str, str]) -> Exception:
    try:
        found: Any = strictjson.loads(body)
    except strictjson.MalformedJson:
        found = body.decode(errors="replace")[:4000]
    return fault(line, status, line.provider.refusal(found), headers)


async def _all(answer: Streaming) -> bytes:
    return b"".join([data async for data in answer.chunks()])


def _unreadable(line: Line, detail: str) -> BadAnswer:
    why: Text = both("看不懂它的回答", "its answer cannot be read")
    return BadAnswer(detail, model=line.target.name, why=why)
