"""The same addresses for hosts that speak WSGI, and for Django's own test client."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from apps.api.openai.handler import handle


@csrf_exempt
async def serve(request: HttpRequest, rest: str = "") -> HttpResponseBase:
    """Answer one request; a token is wanted, so that no other site's page can send one."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    reply = await handle(request.method or "", request.path, headers, request.body)
    if reply.events is None:
        return HttpResponse(reply.encoded(), status=reply.status, headers=reply.all_headers)
    return StreamingHttpResponse(reply.events, status=reply.status, headers=reply.all_headers)
