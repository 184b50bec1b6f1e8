"""The console's pages of masking, lists and residency; changes go through the actions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import get_language

from apps.accounts.admin_base import ActionAdmin, ActionForm
from apps.audit.actor import Actor
from apps.core.i18n import both
from apps.llm import privacy_actions
from apps.llm.privacy_models import ListedWord, MaskPattern, ResidencyPolicy

_TITLE = both("试一试：会发给模型什么", "Try it: what a model would be given")
_LONGEST = 20_000


class PatternForm(ActionForm):
    """A name, an RE2 pattern, and the kind that its placeholders show."""

    class Meta:
        model = MaskPattern
        fields = ("name", "pattern", "kind", "enabled")

    def act(self) -> MaskPattern:
        """Keep it."""
        given = self.cleaned_data
        return privacy_actions.set_pattern(
            _stored(MaskPattern, self.instance), name=given["name"], pattern=given["pattern"],
            kind=given["kind"], enabled=given["enabled"], actor=self.actor,
        )  # fmt: skip


class WordForm(ActionForm):
    """A word or a pattern, and what becomes of a text that holds it."""

    class Meta:
        model = ListedWord
        fields = ("word", "is_pattern", "rule", "note", "enabled")

    def act(self) -> ListedWord:
        """Keep it."""
        return privacy_actions.set_word(
            _stored(ListedWord, self.instance), actor=self.actor, **self.cleaned_data
        )


class ResidencyForm(ActionForm):
    """Who may ask models abroad."""

    class Meta:
        model = ResidencyPolicy
        fields = ("allow_abroad", "departments")

    def act(self) -> ResidencyPolicy:
        """Keep it."""
        return privacy_actions.set_residency(actor=self.actor, **self.cleaned_data)


class TryForm(forms.Form):
    """A text to be tried; it is not kept."""

    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 6}), max_length=_LONGEST)


class TryingAdmin(ActionAdmin):
    """An `ActionAdmin` with a page on which a text can be tried."""

    change_list_template = "admin/llm/trying_change_list.html"

    def remove(self, found: Any, actor: Actor) -> None:
        """Forget it."""
        privacy_actions.remove(found, actor)

    def get_urls(self) -> list[Any]:
        """The page stands before the rows, whose address it would be else."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_try"
        page = path("try/", self.admin_site.admin_view(self.try_view), name=name)
        return [page, *super().get_urls()]

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """Show what would leave of a text; nothing is kept or logged of it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = TryForm(request.POST if request.method == "POST" else None)
        tried = privacy_actions.preview(form.cleaned_data["text"]) if form.is_valid() else None
        title = _TITLE.in_(get_language() or "")
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(
            request, "admin/llm/try.html", {**context, "form": form, "tried": tried}
        )


@admin.register(MaskPattern)
class MaskPatternAdmin(TryingAdmin):
    """The company's own patterns."""

    form = PatternForm
    list_display = ("name", "kind", "pattern", "enabled")
    list_filter = ("enabled", "kind")
    fields = ("name", "pattern", "kind", "enabled")


@admin.register(ListedWord)
class ListedWordAdmin(TryingAdmin):
    """The words that are watched."""

    form = WordForm
    list_display = ("id", "word", "rule", "is_pattern", "enabled", "note")
    list_filter = ("rule", "enabled")
    search_fields = ("word", "note")
    fields = ("word", "is_pattern", "rule", "note", "enabled")


@admin.register(ResidencyPolicy)
class ResidencyAdmin(ActionAdmin):
    """The one policy about models abroad."""

    form = ResidencyForm
    list_display = ("__str__", "allow_abroad")
    fields = ("allow_abroad", "departments")
    filter_horizontal = ("departments",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one."""
        return super().has_add_permission(request) and not ResidencyPolicy.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """It is changed, not removed."""
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The departments are set by the action."""


def _stored(model: Any, instance: Any) -> Any:
    """The row as it is stored: the form has written on its own copy."""
    return model.objects.filter(pk=instance.pk).first() or model()
