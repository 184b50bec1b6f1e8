"""The console's page of the models; what it changes goes through the actions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_POST

from apps.accounts.admin_base import ActionAdmin, ActionForm, actor_of, sentence
from apps.audit.actor import Actor
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.llm import actions
from apps.llm.finding import Finding
from apps.llm.models import LanguageModel
from apps.llm.registry import all_providers

_KEY = both("密钥（留空则不变）", "Key (left empty it stays)")
_KEPT = both("已设置（{shown}）", "set ({shown})")
_CLEAR = both("清除密钥", "Forget the key")
_ASK = both("自动识别", "by its address")
_ZONE = both(
    "留空：按地址；不认识的公网地址算境外", "empty: by its address; unknown ones are abroad"
)
_FOUND = both("{mark} {name}：{text}", "{mark} {name}: {text}")
_TYPED = both("测试用的是刚填写的密钥，还没有保存。", "The typed key was tried; it is not saved.")
_FIELDS = (
    "name", "kind", "provider", "base_url", "model", "zone", "default", "enabled", "fallback",
    "unmasked", "qps", "in_flight", "timeout_s", "price_in", "price_out", "currency", "quirks",
)  # fmt: skip
_MARKS = {True: "✓", False: "✗", None: "·"}
_LEVELS = {True: messages.SUCCESS, False: messages.ERROR, None: messages.INFO}


class ModelForm(ActionForm):
    """All settings; the key goes in and never comes out."""

    provider = forms.ChoiceField(required=False)
    zone = forms.ChoiceField(required=False)
    new_key = forms.CharField(
        required=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    clear_key = forms.BooleanField(required=False)

    class Meta:
        model = LanguageModel
        fields = _FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choices("provider", [(name, name) for name in sorted(all_providers())])
        self._choices("zone", list(LanguageModel.ZONES))
        self.fields["zone"].help_text = said(_ZONE)
        self.fields["new_key"].label = said(_KEY)
        self.fields["clear_key"].label = said(_CLEAR)
        if self.instance.api_key:
            shown = _KEPT.format(shown=actions.key_shown(self.instance))
            self.fields["new_key"].help_text = said(shown)
        else:
            del self.fields["clear_key"]

    def _choices(self, name: str, known: list[tuple[str, str]]) -> None:
        """A new model's may be left open; that of an old one is known."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - as declared above
        new = self.instance.pk is None
        field.choices = [("", said(_ASK)), *known] if new else known
        if new:
            field.initial = ""

    def act(self) -> LanguageModel:
        """Add it, or change it."""
        given = {name: self.cleaned_data[name] for name in _FIELDS if name in self.cleaned_data}
        given = {k: v for k, v in given.items() if v != "" or k not in {"provider", "zone"}}
        if self.cleaned_data.get("clear_key"):
            given["api_key"] = ""
        elif self.cleaned_data["new_key"]:
            given["api_key"] = self.cleaned_data["new_key"]
        name = given.pop("name", self.instance.name)
        if self.instance.pk is None:
            first = not LanguageModel.objects.filter(kind=given["kind"], default=True).exists()
            return actions.add(
                name, actor=self.actor, **given | {"default": given["default"] or first}
            )
        return actions.change(self.instance, actor=self.actor, **given)


@admin.register(LanguageModel)
class ModelAdmin(ActionAdmin):
    """The models behind the gateway."""

    form = ModelForm
    list_display = (
        "name", "kind", "provider", "model", "zone", "default", "enabled", "fallback", "qps",
        "in_flight",
    )  # fmt: skip
    list_filter = ("kind", "zone", "enabled", "provider")
    list_select_related = ("fallback",)
    search_fields = ("name", "model", "base_url")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The key after the address it is for."""
        at = _FIELDS.index("model")
        if not self.has_change_permission(request, obj):
            return list(_FIELDS)
        key = ["new_key", "clear_key"] if obj is not None and obj.api_key else ["new_key"]
        return [*_FIELDS[:at], *key, *_FIELDS[at:]]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A model keeps its name and kind: rights, calls and fallbacks go by them."""
        return ["name", "kind"] if obj is not None else []

    def get_urls(self) -> list[URLPattern]:
        """One more address: look at the model."""
        check = path(
            "<path:object_id>/check/",
            self.admin_site.admin_view(require_POST(self.check_view)),
            name="llm_languagemodel_check",
        )
        return [check, *super().get_urls()]

    def remove(self, found: Any, actor: Actor) -> None:
        """Forget it, with its key."""
        actions.remove(found, actor)

    def check_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Look at the saved model with the typed key, or with the stored one when none is typed."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        typed = str(request.POST.get("new_key", "")).strip()
        try:
            for finding in actions.check(row, actor_of(request), typed):
                _tell(request, finding)
        except ClawdbotError as error:
            messages.error(request, sentence(error))
        if typed:
            messages.warning(request, said(_TYPED))
        return HttpResponseRedirect(reverse("admin:llm_languagemodel_change", args=[row.pk]))


def _tell(request: HttpRequest, finding: Finding) -> None:
    text = _FOUND.format(mark=_MARKS[finding.ok], name=finding.name, text=finding.text)
    messages.add_message(request, _LEVELS[finding.ok], said(text))


def said(text: Text) -> str:
    """In the reader's language."""
    return text.in_(get_language() or "")
