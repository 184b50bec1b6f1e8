"""Admin pages whose forms do nothing themselves: they call the actions, which check and audit.

A form tries its action first and takes it back again, so that what the action refuses is shown
beside the form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import get_language

from apps.accounts.models import Person
from apps.audit.actor import Actor
from apps.core.errors import ClawdbotError

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
    AnyForm = forms.ModelForm[Any]
else:  # they take no parameter at run time
    AnyAdmin = admin.ModelAdmin
    AnyForm = forms.ModelForm


def actor_of(request: HttpRequest) -> Actor:
    """Return the signed-in person as an actor."""
    person = request.user
    if not isinstance(person, Person):
        raise TypeError("the admin is for people who signed in")
    return Actor.person(person)


def sentence(error: ClawdbotError) -> str:
    """Return an error in the reader's language."""
    return error.text(get_language() or "")


class ActionForm(AnyForm):
    """A form that saves by calling an action."""

    actor: ClassVar[Actor]

    def act(self) -> Any:
        """Do it with ``cleaned_data`` and return the row; raises ``ClawdbotError``."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any] | None:
        """Try the action and take it back; what it refuses is the form's error."""
        cleaned: dict[str, Any] | None = super().clean()
        if not self.errors:
            try:
                with transaction.atomic():
                    self.act()
                    transaction.set_rollback(True)
            except ClawdbotError as error:
                self.add_error(None, sentence(error))
        return cleaned


class ReadingAdmin(AnyAdmin):
    """To look at only."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows are made by what happens."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are not typed over."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are not removed by hand."""
        return False


class ActionAdmin(AnyAdmin):
    """Adds and changes by an ``ActionForm``, deletes by ``remove``."""

    form = ActionForm

    def remove(self, found: Any, actor: Actor) -> None:
        """Delete one row by its action."""
        raise NotImplementedError

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[AnyForm]:
        """Tell the form who is asking; the class is made for this request alone."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.actor = actor_of(request)
        return form  # type: ignore[no-any-return]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Do what was tried."""
        done = form.act()
        obj.pk = done.pk
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete by the action."""
        self.remove(obj, actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        """Delete the chosen rows one by one, all or none."""
        with transaction.atomic():
            for found in queryset:
                self.remove(found, actor_of(request))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page; what changed since the form was tried is told in a sentence."""
        return told(
            request, lambda: super(ActionAdmin, self).changeform_view(request, *args, **kwargs)
        )

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Delete, or tell why not."""
        return told(request, lambda: super(ActionAdmin, self).delete_view(request, *args, **kwargs))

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """List, and do what is chosen for several rows, or tell why not."""
        return told(
            request, lambda: super(ActionAdmin, self).changelist_view(request, *args, **kwargs)
        )


def told(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    """Return the view's answer; a refusal becomes a message on the same page."""
    try:
        return view()
    except ClawdbotError as error:
        messages.error(request, sentence(error))
        return HttpResponseRedirect(request.get_full_path())
