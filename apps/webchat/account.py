"""A person's own settings: language, password, and which IM accounts are theirs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from apps.accounts import people
from apps.accounts.models import Person
from apps.core.i18n import both
from apps.webchat.session import me
from apps.webchat.sign_in import where_next

_SAVED = both("密码已保存。", "The password is saved.")
YEAR_S = 365 * 24 * 3600


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Remember the language: in a cookie, and with the person when somebody is signed in."""
    language = request.POST.get("language", "")
    response = HttpResponseRedirect(where_next(request))
    if language not in dict(settings.LANGUAGES):
        return response
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=YEAR_S,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    if isinstance(request.user, Person):
        people.set_language(request.user, language, request.user)
    return response


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class Account(LoginRequiredMixin, View):
    """The page of the own account."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        return self._page(request, self._form(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Set or change the password; other sessions of the person end."""
        form, person = self._form(request, request.POST), me(request)
        if not form.is_valid():
            return self._page(request, form, status=400)
        people.set_password(person, form.cleaned_data["new_password1"], person)
        update_session_auth_hash(request, person)
        messages.success(request, _SAVED.in_(get_language() or ""))
        return redirect("account")

    def _form(self, request: HttpRequest, data: Any = None) -> Any:
        # Whoever came by a one-time link has no old password to prove.
        person = me(request)
        known = person.has_usable_password()
        return (PasswordChangeForm if known else SetPasswordForm)(person, data)

    def _page(self, request: HttpRequest, form: Any, status: int = 200) -> HttpResponse:
        person = me(request)
        bindings = person.bindings.select_related("bot").order_by("pk")
        context = {"form": form, "bindings": bindings, "roles": person.roles.all()}
        return render(request, "webchat/account.html", context, status=status)
