"""Who calls: `Authorization: Bearer <token>` (a session with its CSRF token works, too)."""

from __future__ import annotations

from django.utils.translation import get_language
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.accounts import tokens
from apps.accounts.models import Person
from apps.core.i18n import both

_WRONG = both("令牌无效或已过期。", "The token is unknown or has expired.")


class TokenAuthentication(BaseAuthentication):
    """A person's API token."""

    def authenticate(self, request: Request) -> tuple[Person, None] | None:
        """Return the token's person; None when another way of signing in is used.

        Raises ``AuthenticationFailed`` for a token that is not (or no longer) good.
        """
        scheme, _, given = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        person = tokens.find(given.strip().decode("latin-1"))
        if person is None:
            raise AuthenticationFailed(_WRONG.in_(get_language() or ""))
        return person, None

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for (RFC 6750)."""
        return 'Bearer realm="ClawdBot"'


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The same in the OpenAPI document."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """HTTP bearer authentication."""
        return {"type": "http", "scheme": "bearer"}
