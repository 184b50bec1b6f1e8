"""Admin pages to read, with buttons for the actions of an object and the story of its trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_POST

from apps.accounts.models import Person
from apps.audit.models import AuditRow
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text
from apps.im.models import Delivery

MOST_STEPS = 200

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:  # it takes no parameter at run time
    Base = admin.ModelAdmin


@dataclass(frozen=True)
class Act:
    """A button: what it says, what it does, when it is there, and the permission it needs.

    Without a permission the action itself decides who may; it raises a ClawdbotError if not.
    """

    name: str
    label: Text
    do: Callable[[Any, Person], Text]
    offered: Callable[[Any, Person], bool]
    danger: bool = False
    permission: str = ""

    def shown(self, found: Model, person: Person) -> bool:
        """Is the button there for this object and this person?"""
        allowed = not self.permission or person.has_perm(self.permission)
        return allowed and self.offered(found, person)


class ActingAdmin(Base):
    """Everything can be seen by whoever may; nothing can be typed over."""

    acts: ClassVar[tuple[Act, ...]] = ()
    change_form_template = "admin/assistant/acting_change_form.html"
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows come from messages, not from forms."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows change by their actions."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What happened stays."""
        return False

    def links(self, found: Any) -> list[tuple[str, str]]:
        """Other places to look at for this object: (label, address)."""
        return []

    def trace_of(self, found: Any) -> str:
        """The trace whose audit rows and deliveries are shown, "" for none."""
        return str(getattr(found, "trace_id", ""))

    def story(self, found: Any) -> dict[str, Any]:
        """More for the template to tell."""
        return {}

    def live(self, found: Any) -> bool:
        """Is it still changing, so that the page should look again by itself?"""
        return False

    def get_urls(self) -> list[URLPattern]:
        """One more address for each row: its actions."""
        meta = self.model._meta
        act = path(
            "<path:object_id>/act/<slug:act>/",
            self.admin_site.admin_view(require_POST(self.act_view)),
            name=f"{meta.app_label}_{meta.model_name}_act",
        )
        return [act, *super().get_urls()]

    def act_view(self, request: HttpRequest, object_id: str, act: str) -> HttpResponse:
        """Do one action and go back to the page, which says what came of it."""
        found = self.get_object(request, object_id)
        chosen = next((one for one in self.acts if one.name == act), None)
        if found is None or chosen is None:
            raise Http404
        person = cast(Person, request.user)
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        if chosen.permission and not person.has_perm(chosen.permission):
            raise PermissionDenied
        language = get_language() or ""
        try:
            messages.success(request, chosen.do(found, person).in_(language))
        except ClawdbotError as error:
            messages.error(request, error.text(language))
        meta = self.model._meta
        page = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[found.pk])
        return HttpResponseRedirect(page)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the buttons and the story."""
        found = context.get("original")
        if found is not None:
            context |= self._story(found, cast(Person, request.user))
        return super().render_change_form(request, context, *args, **kwargs)

    def _story(self, found: Any, person: Person) -> dict[str, Any]:
        language, trace = get_language() or "", self.trace_of(found)
        shown = [act for act in self.acts if act.shown(found, person)]
        return {
            "acts": [(act.name, act.label.in_(language), act.danger) for act in shown],
            "links": self.links(found),
            "live": self.live(found),
            **self.story(found),
            "steps": _steps(trace) if trace else [],
            "deliveries": Delivery.objects.filter(trace_id=trace).order_by("pk") if trace else [],
        }


def _steps(trace: str) -> Iterable[AuditRow]:
    return AuditRow.objects.filter(trace_id=trace).order_by("at", "pk")[:MOST_STEPS]
