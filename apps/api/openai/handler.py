"""What the addresses under /v1/ answer, whoever serves them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import structlog
from django.conf import settings

from apps.accounts import tokens
from apps.accounts.models import Person
from apps.accounts.rights import rights
from apps.api.openai import errors, reading, shapes
from apps.api.openai.body import Body
from apps.api.openai.errors import NoSuchPath, NoToken
from apps.api.openai.reply import Reply, event
from apps.api.openai.shapes import Completion
from apps.core.errors import ClawdbotError
from apps.core.offload import offload
from apps.llm import gateway
from apps.llm.errors import UnknownModel
from apps.llm.shapes import Piece, Purpose

log = structlog.get_logger(__name__)
CHAT, MODELS = "/v1/chat/completions", "/v1/models"


async def handle(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
    """Answer one request; header names are in lower case. Never raises an `Exception`."""
    person = await known(headers)
    return person if isinstance(person, Reply) else await answer(person, method, path, body)


async def known(headers: Mapping[str, str]) -> Person | Reply:
    """Who asks, or what is answered to somebody whom nobody knows. Never raises an `Exception`."""
    try:
        return await offload(_who, headers)
    except ClawdbotError as error:
        return errors.refusal(error, settings.CLAWDBOT_LANGUAGE)
    except Exception:
        log.exception("openai.failed")
        return errors.broken(settings.CLAWDBOT_LANGUAGE)


async def answer(person: Person, method: str, path: str, body: bytes) -> Reply:
    """Answer a request of theirs. Never raises an `Exception`."""
    language = person.language or settings.CLAWDBOT_LANGUAGE
    try:
        path = path.rstrip("/")
        if (method, path) == ("POST", CHAT):
            return await _chat(person, body, language)
        if method == "GET" and (path == MODELS or path.startswith(f"{MODELS}/")):
            return await offload(_models, person, path.removeprefix(MODELS).lstrip("/"))
        raise NoSuchPath
    except ClawdbotError as error:
        return errors.refusal(error, language)
    except Exception:
        log.exception("openai.failed", path=path)
        return errors.broken(language)


def _who(headers: Mapping[str, str]) -> Person:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    person = tokens.find(given.strip()) if scheme.lower() == "bearer" else None
    if person is None:
        raise NoToken
    return person


def _models(person: Person, name: str) -> Reply:
    rows = gateway.usable(rights([person])[person.pk])
    if not name:
        return Reply(200, {"object": "list", "data": [shapes.model(row) for row in rows]})
    for row in rows:
        if row.name == name:
            return Reply(200, shapes.model(row))
    raise UnknownModel(name=name, known=", ".join(row.name for row in rows))


async def _chat(person: Person, raw: bytes, language: str) -> Reply:
    body = reading.read(raw)
    ask = reading.ask_of(body)
    trace_id = uuid.uuid4().hex
    purpose = Purpose("api", person.pk, f"person:{person.pk}", trace_id=trace_id)
    completion = Completion(trace_id, body.model)
    headers = {"x-request-id": trace_id}
    if not body.stream:
        found = await gateway.acall(ask, purpose, body.model)
        return Reply(200, completion.whole(found), headers)
    pieces = gateway.astream(ask, purpose, body.model)
    try:
        # What goes wrong before the first word still has a status of its own.
        first = await anext(pieces)
    except BaseException:
        await pieces.aclose()
        raise
    events = _events(first, pieces, completion, body, language)
    return Reply(200, headers=headers, events=events)


async def _events(
    first: Piece,
    rest: AsyncGenerator[Piece, None],
    completion: Completion,
    body: Body,
    language: str,
) -> AsyncGenerator[bytes, None]:
    with_usage = bool(body.stream_options and body.stream_options.include_usage)
    async with aclosing(rest):
        try:
            for chunk in completion.chunks(first, first=True, with_usage=with_usage):
                yield event(chunk)
            async for piece in rest:
                for chunk in completion.chunks(piece, first=False, with_usage=with_usage):
                    yield event(chunk)
        except ClawdbotError as error:
            yield event(errors.body(error, language))
            return
        except Exception:
            log.exception("openai.stream_failed")
            yield event(errors.broken(language).body)
            return
    yield event("[DONE]")
