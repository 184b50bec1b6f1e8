"""What all views of the API share: the reader's language, and the person who asks."""

from __future__ import annotations

from typing import Any, cast

from django.utils import translation
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.accounts.authz import Rights, rights
from apps.accounts.models import Person
from apps.skills import added


class ApiView(APIView):
    """A view for a known person, in that person's language."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate first: the language of everything after that is the person's own choice."""
        chosen = getattr(request.user, "language", "")
        if chosen:
            translation.activate(chosen)
        added.refresh()
        super().initial(request, *args, **kwargs)


def me(request: Request) -> Person:
    """Return who asks."""
    return cast(Person, request.user)


def my_rights(request: Request) -> Rights:
    """Return what who asks may do right now."""
    person = me(request)
    return rights([person])[person.pk]
