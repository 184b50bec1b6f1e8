"""Signing in and out: a name and password, or a one-time link that `person signin` printed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from apps.accounts import identity
from apps.accounts.models import Person
from apps.audit import log
from apps.core.clients import client_address
from apps.webchat.throttle import PERIOD_S, Guess

BACKEND = settings.AUTHENTICATION_BACKENDS[0]


def where_next(request: HttpRequest) -> str:
    """Return the page that was asked for before signing in, when it is one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    hosts = {request.get_host()}
    if url_has_allowed_host_and_scheme(wanted, hosts, require_https=request.is_secure()):
        return wanted
    return settings.LOGIN_REDIRECT_URL


@method_decorator([never_cache, sensitive_post_parameters("password")], name="dispatch")
class SignIn(View):
    """The form with name and password."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the form, or go on when there is nothing to do."""
        if request.user.is_authenticated:
            return HttpResponseRedirect(where_next(request))
        return self._form(request, 200)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Sign in; 10 wrong passwords for a name from one address end in 429 for 15 minutes."""
        name = request.POST.get("name", "").replace("\0", "").strip()[:100]
        address = client_address(request.META.get("REMOTE_ADDR", ""), request.headers)
        guess = Guess(address, name)
        if not guess.allowed():
            return self._form(request, 429, name=name, problem="throttled")
        person = authenticate(request, username=name, password=request.POST.get("password", ""))
        if not isinstance(person, Person):
            _refused(name, address)
            return self._form(request, 403, name=name, problem="wrong")
        guess.right()
        _enter(request, person, "password", address)
        return HttpResponseRedirect(where_next(request))

    def _form(self, request: HttpRequest, status: int, **context: Any) -> HttpResponse:
        context["next"] = where_next(request)
        response = render(request, "webchat/sign_in.html", context, status=status)
        if status == 429:
            response["Retry-After"] = str(PERIOD_S)
        return response


@method_decorator(never_cache, name="dispatch")
class SignInByLink(View):
    """The page of a one-time link. Only the button uses it up: previews of a chat fetch links."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Show whom the link signs in, with a button, or say that it is of no use any more."""
        person = identity.link_owner(token)
        return self._page(request, person)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Use the link up and sign in."""
        person = identity.redeem_link(token)
        if person is None:
            return self._page(request, None)
        address = client_address(request.META.get("REMOTE_ADDR", ""), request.headers)
        _enter(request, person, "link", address)
        return redirect(settings.LOGIN_REDIRECT_URL)

    def _page(self, request: HttpRequest, person: Person | None) -> HttpResponse:
        status = 200 if person else 410
        return render(request, "webchat/sign_in_link.html", {"person": person}, status=status)


class SignOut(View):
    """Ends the session; by POST only, so that no link can do it."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Forget the session and go to the sign-in page."""
        if isinstance(request.user, Person):
            log.record("person.signed_out", actor=log.Actor.person(request.user), obj=None)
        logout(request)
        return redirect(settings.LOGIN_URL)


def _enter(request: HttpRequest, person: Person, way: str, address: str) -> None:
    with transaction.atomic():
        login(request, person, backend=BACKEND)
        log.record(
            "person.signed_in",
            actor=log.Actor.person(person),
            obj=("person", str(person.pk), str(person)),
            outcome="ok",
            data={"way": way, "address": address},
        )


def _refused(name: str, address: str) -> None:
    # Only a name that exists is kept: what else stands in that field may be a password.
    known = Person.objects.filter(name=name).first()
    log.record(
        "person.signed_in",
        actor=log.Actor.stranger("web", address),
        obj=("person", str(known.pk), str(known)) if known else None,
        outcome="refused",
        data={"way": "password", "address": address},
    )
