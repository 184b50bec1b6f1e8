"""The pages of a signed-in person: the chat, its data without a socket, and the own account."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST, require_safe

from apps.accounts import identity
from apps.accounts.models import Person
from apps.assistant import conversations
from apps.core import strictjson
from apps.core.errors import ClawdbotError
from apps.webchat import feed, hints
from apps.webchat.say import said
from apps.webchat.session import me

Handler = Callable[[HttpRequest, Person], dict[str, Any]]


@require_safe
@login_required
@never_cache
@ensure_csrf_cookie
def chat(request: HttpRequest) -> HttpResponse:
    """The chat page; everything in it is drawn by static/chat/."""
    skills = hints.skills(me(request), get_language() or "")
    context = {"skills": skills, "examples": hints.examples(skills)}
    return render(request, "webchat/chat.html", context)


def for_page(handler: Handler) -> Callable[[HttpRequest], JsonResponse]:
    """Answer the page in JSON: 401 when signed out, an error's text in the reader's language.

    A page names the person it was made for, so that what is typed into it is never said by
    somebody who signed in through another window.
    """

    @wraps(handler)
    def view(request: HttpRequest) -> JsonResponse:
        if not isinstance(request.user, Person) or not _fits(request, request.user):
            return JsonResponse({"error": "signed_out"}, status=401)
        try:
            return JsonResponse(handler(request, request.user))
        except ClawdbotError as error:
            detail = error.text(get_language() or "")
            return JsonResponse({"error": error.code, "detail": detail}, status=error.http_status)

    return never_cache(view)


@require_GET
@for_page
def items(request: HttpRequest, person: Person) -> dict[str, Any]:
    """What is newer than the ids given, or with ``older=1`` what is older than them."""
    place = feed.Ids(_number(request, "message"), _number(request, "delivery"))
    conversation = conversations.own(person)
    read = feed.older if request.GET.get("older") else feed.newer
    found = read(conversation.pk, place)
    return {"items": found.items, "cut": found.cut}


@require_POST
@for_page
def send(request: HttpRequest, person: Person) -> dict[str, Any]:
    """Store one message of the page."""
    message = said(person, _json(request))
    return {"message_id": message.pk, "state": message.state}


@require_POST
@for_page
def pair(request: HttpRequest, person: Person) -> dict[str, Any]:
    """Redeem a pairing code: the IM account that got it is this person's from now on."""
    code = str(_json(request).get("code", ""))[:20]
    binding = identity.redeem(code, person, actor=person)
    return {"bot": str(binding.bot)}


def _fits(request: HttpRequest, person: Person) -> bool:
    return request.headers.get("X-Clawdbot-Person", str(person.pk)) == str(person.pk)


def _number(request: HttpRequest, name: str) -> int:
    raw = request.GET.get(name, "0")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 19 else 0


def _json(request: HttpRequest) -> dict[str, Any]:
    try:
        body = strictjson.loads(request.body)
    except strictjson.MalformedJson:
        return {}
    return body if isinstance(body, dict) else {}
