"""`/mcp/` on HTTP: who may come in, and how much of what."""

from __future__ import annotations

import time
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from apps.accounts import tokens
from apps.accounts.models import Person
from apps.api.mcp import protocol, rpc
from apps.api.mcp.protocol import Fault
from apps.core import strictjson
from apps.core.clients import client_address
from apps.core.limits import LocalLimit, Rate, check_groups
from apps.skills import added

JSON = "application/json"
REALM = 'Bearer realm="ClawdBot"'
LATER = ("Retry-After", "60")
_NONE = ("", "")


class Turned(Exception):
    """A request that is not looked at any further."""

    def __init__(
        self,
        status: int,
        why: str,
        *,
        code: int = protocol.REFUSED,
        header: tuple[str, str] = _NONE,
    ) -> None:
        super().__init__(why)
        self.status, self.fault = status, Fault(code, why)
        self.headers = {header[0]: header[1]} if header[0] else {}


@cache
def refused() -> LocalLimit:
    """Wrong tokens by address, in this process."""
    return LocalLimit(Rate.parse(settings.CLAWDBOT_LIMIT_REFUSED))


@csrf_exempt  # a token is wanted, no cookie counts here
def endpoint(request: HttpRequest) -> HttpResponse:
    """Answer one message of an MCP client."""
    try:
        _check_origin(request)
        person = _person(request)
        _check_kinds(request)
        _throttle(person)
        status, answer = rpc.handle(_body(request), request.headers, person)
    except Turned as turned:
        return _response(turned.status, turned.fault.answer(None), turned.headers)
    return _response(status, answer, {})


def _check_origin(request: HttpRequest) -> None:
    """The method, and where it comes from."""
    if request.method != "POST":
        raise Turned(405, "only POST", header=("Allow", "POST"))
    origin = request.headers.get("Origin")
    if origin is not None and origin != _own_origin():
        raise Turned(403, "a page of another origin may not ask here")


def _check_kinds(request: HttpRequest) -> None:
    """What it brings and takes; a stranger is told nothing of that."""
    kind = request.content_type or ""
    if kind != JSON:
        raise Turned(415, f"send {JSON}")
    accepted = {
        one.partition(";")[0].strip() for one in request.headers.get("Accept", JSON).split(",")
    }
    if not accepted & {JSON, "application/*", "*/*"}:
        raise Turned(406, f"the answer is {JSON}")


def _own_origin() -> str:
    parts = urlsplit(settings.CLAWDBOT_PUBLIC_URL)
    return f"{parts.scheme}://{parts.netloc}"


def _person(request: HttpRequest) -> Person:
    address = client_address(request.META.get("REMOTE_ADDR", ""), dict(request.headers))
    if refused().blocked(address, time.time()):
        raise Turned(429, "too many wrong tokens", code=protocol.TOO_OFTEN, header=LATER)
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        raise Turned(401, "a token is needed", header=("WWW-Authenticate", REALM))
    person = tokens.find(given.strip())
    if person is None:
        refused().hit(address, time.time())
        wrong = f'{REALM}, error="invalid_token"'
        raise Turned(401, "the token is unknown or has expired", header=("WWW-Authenticate", wrong))
    return person


def _throttle(person: Person) -> None:
    """As often as a person may write, beside what they write."""
    rate = Rate.parse(settings.CLAWDBOT_LIMIT_PERSON)
    if not check_groups([[(f"mcp:{person.pk}", rate)]], time.time())[0]:
        raise Turned(429, "too often", code=protocol.TOO_OFTEN, header=LATER)


def _body(request: HttpRequest) -> Any:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    body = request.read(most + 1)
    if len(body) > most:
        raise Turned(413, f"more than {most} bytes", code=protocol.INVALID_REQUEST)
    try:
        found = strictjson.loads(body)
    except strictjson.MalformedJson as error:
        raise Turned(400, f"Parse error: {error.reason}", code=protocol.PARSE_ERROR) from None
    added.refresh()
    return found


def _response(status: int, answer: Any, headers: dict[str, str]) -> HttpResponse:
    body = b"" if answer is None else strictjson.dumps(answer).encode()
    response = HttpResponse(body, status=status, content_type=JSON, headers=headers)
    response["Cache-Control"] = "no-store"
    return response
