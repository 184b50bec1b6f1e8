"""`/flower/`: Flower behind our own sign-in, for people with `console.flower`, GET only.

Flower listens on a port of its own and asks for a secret there; this view knows the secret and
hands pages through as they come. Neither side sees the other's cookies or credentials.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from apps.accounts.models import Person
from apps.console.supervisor.flower import credentials
from apps.core.logging import get_logger

PERMISSION = "console.flower"
TIMEOUT = httpx2.Timeout(30, connect=2)

#: What passes, by name; everything else stays behind, hop-by-hop headers (RFC 9110, 7.6.1) too.
TO_FLOWER = ("accept", "accept-language", "if-none-match", "if-modified-since", "x-requested-with")
TO_BROWSER = ("content-type", "content-length", "etag", "last-modified", "cache-control")

#: The one inline script of Flower 2.2 (`var autorefresh = 1;`), by its hash.
AUTOREFRESH = "'sha256-A0YIP5A+DKoseGAUTHRoMPDkKPK5cKzfYH3mjcCKtj8='"
#: Flower's pages load scripts from here, and set a style or two in the page.
POLICY = (
    f"default-src 'none'; script-src 'self' {AUTOREFRESH}; style-src 'self' 'unsafe-inline'; "
    "font-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

# The one table that Flower 2.2 asks for by POST is answered to GET as well. Should another
# version's inline script have another hash, the value that it sets is not missing.
SCRIPT = "static/js/flower.js"
SCRIPT_HEAD = b"""var autorefresh = window.autorefresh ?? 1;
jQuery.ajaxPrefilter(function (options) {
  if (/\\/tasks\\/datatable$/.test(options.url)) { options.type = "GET"; }
});
"""

_log = get_logger(__name__)


@csrf_exempt  # nothing but GET is done here, and GET changes nothing
async def flower(request: HttpRequest, path: str) -> HttpResponseBase:
    """Hand one page, script or answer of Flower through."""
    person = await request.auser()
    if not isinstance(person, Person):
        return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
    if not await sync_to_async(person.has_perm)(PERMISSION):
        raise PermissionDenied
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    try:
        return await _fetch(request, path)
    except (httpx2.HTTPError, FileNotFoundError) as error:
        _log.warning("flower.away", error=type(error).__name__)
        return await sync_to_async(_away)(request)


def _away(request: HttpRequest) -> HttpResponse:
    return render(request, "console/flower_away.html", status=502)


async def _fetch(request: HttpRequest, path: str) -> HttpResponseBase:
    client = httpx2.AsyncClient(trust_env=False, verify=False, timeout=TIMEOUT)
    try:
        sent = client.build_request("GET", _address(request), headers=_headers(request, path))
        answer = await client.send(sent, stream=True)
    except BaseException:
        await client.aclose()
        raise
    if answer.status_code == 401:
        await answer.aclose()
        await client.aclose()
        raise httpx2.HTTPError("Flower was started with another secret")
    body = _body(client, answer, SCRIPT_HEAD if path == SCRIPT else b"")
    response = StreamingHttpResponse(body, status=answer.status_code)
    _copy_headers(answer, response)
    if path == SCRIPT:
        for name in ("content-length", "etag", "last-modified"):
            response.headers.pop(name, None)
        response["Cache-Control"] = "no-cache"
    response["Content-Security-Policy"] = POLICY
    return response


def _address(request: HttpRequest) -> str:
    return f"http://127.0.0.1:{settings.CLAWDBOT_FLOWER_PORT}{request.get_full_path()}"


def _headers(request: HttpRequest, path: str) -> dict[str, str]:
    name, password = credentials(settings.CLAWDBOT_HOME)
    basic = base64.b64encode(f"{name}:{password}".encode()).decode()
    headers = {key: value for key in TO_FLOWER if (value := request.headers.get(key))}
    if path == SCRIPT:
        headers.pop("if-none-match", None)
        headers.pop("if-modified-since", None)
    # Bytes pass as they are: what is not packed need not be unpacked to be passed on.
    return {**headers, "authorization": f"Basic {basic}", "accept-encoding": "identity"}


def _copy_headers(answer: httpx2.Response, response: HttpResponseBase) -> None:
    del response.headers["content-type"]
    for name in TO_BROWSER:
        if name in answer.headers:
            response[name] = answer.headers[name]
    where = answer.headers.get("location", "")
    if where.startswith("/flower/"):
        response["Location"] = where


async def _body(client: Any, answer: Any, head: bytes) -> AsyncIterator[bytes]:
    try:
        if head:
            yield head
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()
        await client.aclose()
