"""The console's pages of the calls: to search, and, with the right, to read what was said."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import get_language

from apps.accounts.admin_base import ActionAdmin, ActionForm, ReadingAdmin, actor_of
from apps.accounts.models import Person
from apps.accounts.rights import rights
from apps.core.i18n import both
from apps.llm import calls
from apps.llm.models import CallPolicy, ModelCall

_TITLE = both("问答内容", "What was said")


@admin.register(ModelCall)
class CallAdmin(ReadingAdmin):
    """Every call: who, why, which model, what it took and what came of it."""

    ordering = ("-pk",)
    list_display = (
        "created_at", "person", "why", "model", "outcome", "tokens", "price", "total_ms", "job",
    )  # fmt: skip
    list_filter = ("outcome", "model", "why", "zone", "streamed")
    list_select_related = ("person",)
    search_fields = ("=person__name", "=person__display_name", "=model", "=why", "=job", "=uid",
                     "=trace_id")  # fmt: skip
    search_help_text = "person · model · why · job · trace id"
    date_hierarchy = "created_at"
    exclude = ("prompt", "answer")

    def get_urls(self) -> list[URLPattern]:
        """One more address: what was said."""
        view = self.admin_site.admin_view(self.text_view)
        return [
            path("<path:object_id>/text/", view, name="llm_modelcall_text"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the row; the way to its text is for those who may read it."""
        more = {"may_read": _may_read(request), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, more)

    def text_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what was asked and answered, as masked as it left; each reading is audited."""
        call = self.get_object(request, object_id)
        if call is None:
            raise Http404
        if not (self.has_view_permission(request, call) and _may_read(request)):
            raise PermissionDenied
        calls.note_reading(call, actor_of(request))
        context = {
            **self.admin_site.each_context(request),
            "title": _TITLE.in_(get_language() or ""),
            "call": call,
            "prompt": _readable(calls.opened(call, "prompt")),
            "answer": _readable(calls.opened(call, "answer")),
        }
        return TemplateResponse(request, "admin/llm/modelcall/text.html", context)

    @admin.display(description="用量 tokens")
    def tokens(self, call: ModelCall) -> str:
        """In and out; about so many where the vendor told nothing."""
        return f"{'≈' if call.estimated else ''}{call.tokens_in} + {call.tokens_out}"

    @admin.display(description="费用 cost", ordering="cost")
    def price(self, call: ModelCall) -> str:
        """At the price of that day."""
        return f"{call.cost.normalize():f} {call.currency}" if call.cost else "—"


class PolicyForm(ActionForm):
    """How many days."""

    class Meta:
        model = CallPolicy
        fields = ("days", "text_days")

    def act(self) -> CallPolicy:
        """Set it."""
        given = self.cleaned_data
        return calls.set_policy(days=given["days"], text_days=given["text_days"], actor=self.actor)


@admin.register(CallPolicy)
class PolicyAdmin(ActionAdmin):
    """How long calls are kept: one row."""

    form = PolicyForm
    list_display = ("days", "text_days")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one."""
        return super().has_add_permission(request) and not CallPolicy.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Without it the defaults would count, unseen."""
        return False


def _may_read(request: HttpRequest) -> bool:
    person = request.user
    return isinstance(person, Person) and rights([person])[person.pk].allows(calls.READ)


def _readable(text: str) -> str:
    return json.dumps(json.loads(text), ensure_ascii=False, indent=2) if text else ""
