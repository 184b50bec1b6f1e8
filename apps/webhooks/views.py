"""The plain Django view on the same path, for WSGI hosts and tests; the same ingress decides."""

from __future__ import annotations

from functools import cache

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from apps.core.clients import client_address
from apps.im.base import InboundRequest
from apps.webhooks import answers
from apps.webhooks.answers import Answer
from apps.webhooks.asgi import LARGEST_BODY, METHODS, too_long
from apps.webhooks.ingress import Ingress


@cache
def ingress() -> Ingress:
    """This process's ingress."""
    return Ingress()


@csrf_exempt  # verified by the platform's signature, no cookie counts here
def webhook(request: HttpRequest, platform: str, slug: str, rest: str = "") -> HttpResponseBase:
    """Answer one webhook."""
    if request.method not in METHODS:
        return _response(answers.refuse(405, "method"))
    address = client_address(request.META.get("REMOTE_ADDR", ""), dict(request.headers))
    if too_long(request.META.get("CONTENT_LENGTH") or ""):
        return _response(ingress().refuse(platform, address, answers.refuse(413, "too_large")))
    body = request.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        return _response(ingress().refuse(platform, address, answers.refuse(413, "too_large")))
    raw = request.META.get("QUERY_STRING", "")
    query = {**request.GET.dict(), "__raw__": raw}
    inbound = InboundRequest(
        request.method or "POST", request.path, query, dict(request.headers), body
    )
    return _response(ingress().handle_sync(platform, slug, inbound, address))


def _response(answer: Answer) -> HttpResponse:
    if isinstance(answer.body, str):
        response = HttpResponse(answer.body, status=answer.status, content_type="text/plain")
    else:
        response = JsonResponse(answer.body, status=answer.status, safe=False)
    for name, value in answer.headers.items():
        response[name] = value
    return response
