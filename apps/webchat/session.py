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
    page = _host_and_port(origin)
    if settings.SESSION_COOKIE_SECURE or page is None:
        return False
    asked = _host_and_port(f"{origin.partition('://')[0]}://{header(scope, b'host')}")
    return page == asked and validate_host(page[0], settings.ALLOWED_HOSTS)


def _host_and_port(address: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(address)
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.hostname, port) if parts.hostname else None


def session_key(scope: Mapping[str, Any]) -> str:
    """Return the key that the session cookie names, or ""."""
    cookies: dict[str, str] = parse_cookie(header(scope, b"cookie"))
    key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    return key if key.isalnum() else ""  # as Django makes them


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
