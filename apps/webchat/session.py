"""Whose socket is it: the session cookie and the page's origin, checked without middleware."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.http import HttpRequest, parse_cookie
from django.http.request import validate_host
from django.utils.crypto import constant_time_compare

from apps.accounts.models import Person

DEFAULT_PORTS = {"http": 80, "https": 443}


def me(request: HttpRequest) -> Person:
    """Return who is signed in, for views that only signed-in people reach."""
    return cast(Person, request.user)


def header(scope: Mapping[str, Any], name: bytes) -> str:
    """Return a header of an ASGI scope, "" when it is missing or sent more than once."""
    found = [value for key, value in scope.get("headers", []) if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else ""


def own_origin(scope: Mapping[str, Any]) -> bool:
    """Tell whether a page of ours opened the socket: browsers send cookies along for any page.

    Cookies do not tell ports apart, so host and port must be those of the request itself; where
    the public address is https, only that one counts.
    """
    origin = header(scope, b"origin")
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    host = header(scope, b"host")
    parts = urlsplit(origin)
    if settings.SESSION_COOKIE_SECURE or parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        return False
    try:
        asked = urlsplit(f"//{host}")
        same = (parts.hostname, parts.port) == (asked.hostname, asked.port)
        bare = (parts.port or DEFAULT_PORTS[parts.scheme]) == (asked.port or 80)
    except ValueError:
        return False
    known = validate_host(parts.hostname, settings.ALLOWED_HOSTS)
    return known and (same or (bare and parts.hostname == asked.hostname))


def session_key(scope: Mapping[str, Any]) -> str:
    """Return the key that the session cookie names, or ""."""
    cookies: dict[str, str] = parse_cookie(header(scope, b"cookie"))
    return cookies.get(settings.SESSION_COOKIE_NAME, "")


def person_of(key: str) -> Person | None:
    """Return who is signed in under this session right now. One or two queries, writes nothing.

    Django's own ``get_user`` would give the session a new key after a rotation of the secret,
    and a socket cannot tell the browser.
    """
    if not key:
        return None
    data = import_module(settings.SESSION_ENGINE).SessionStore(key).load()
    person = Person.objects.filter(pk=data.get(SESSION_KEY), is_active=True).first()
    if person is None:
        return None
    right = [person.get_session_auth_hash(), *person.get_session_auth_fallback_hash()]
    given = data.get(HASH_SESSION_KEY, "")
    return person if any(constant_time_compare(given, one) for one in right) else None
