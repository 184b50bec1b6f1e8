"""What every page gets: the reader's language and wall clock, a content security policy, no NUL."""

from __future__ import annotations

import zoneinfo

from django.conf import settings
from django.http import HttpRequest, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from django.utils.deprecation import MiddlewareMixin

#: Paths that answer machines: no session is looked up for them.
MACHINES = ("/webhooks/", "/healthz/", "/metrics", "/static/", "/v1/")

#: Nothing runs, loads or is sent anywhere but here (https://www.w3.org/TR/CSP3/).
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADER = "Content-Security-Policy"


class ReaderMiddleware(MiddlewareMixin):
    """A signed-in person's own language wins; times are shown on the installation's wall clock."""

    def process_request(self, request: HttpRequest) -> HttpResponseBadRequest | None:
        """Activate language and time zone for this request."""
        timezone.activate(zoneinfo.ZoneInfo(settings.CLAWDBOT_TIME_ZONE))
        if request.path.startswith(MACHINES):
            return None
        if _holds_nul(request):
            # No page of ours: it would look for the session.
            return HttpResponseBadRequest("NUL\n", content_type="text/plain")
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return None
        chosen = getattr(request.user, "language", "")
        if chosen:
            translation.activate(chosen)
            request.LANGUAGE_CODE = chosen
        return None


def _holds_nul(request: HttpRequest) -> bool:
    """No honest client sends one, and PostgreSQL takes none in a text that is looked for."""
    cookies = request.COOKIES.values()  # in quotes, `\000` stands for it
    query = request.META.get("QUERY_STRING", "")
    return "\0" in request.path or "%00" in query or any("\0" in cookie for cookie in cookies)


class ContentSecurityPolicyMiddleware(MiddlewareMixin):
    """Every answer carries the strict policy, unless its view set another."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Add the header when it is missing."""
        response.headers.setdefault(HEADER, POLICY)
        return response
