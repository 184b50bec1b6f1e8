"""The console's page of the transcriber; what it changes goes through the actions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import get_language

from apps.accounts.admin_base import ActionAdmin, ActionForm
from apps.audit.actor import Actor
from apps.core import crypto
from apps.core.i18n import both
from apps.speech import actions, endpoint
from apps.speech.models import Transcriber

_KEY = both("密钥（留空则不变）", "Key (left empty it stays)")
_KEPT = both("已设置（{shown}）", "set ({shown})")


class TranscriberForm(ActionForm):
    """The address, the model and the key; the key goes in and never comes out."""

    new_key = forms.CharField(
        required=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    class Meta:
        model = Transcriber
        fields = ("base_url", "model", "language", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = get_language() or ""
        self.fields["new_key"].label = _KEY.in_(language)
        if self.instance.api_key:
            shown = crypto.last4(endpoint.api_key(self.instance))
            self.fields["new_key"].help_text = _KEPT.in_(language).format(shown=shown)

    def act(self) -> Transcriber:
        """Set it, or switch it off."""
        given = self.cleaned_data
        row = actions.set_transcriber(
            base_url=given["base_url"], model=given["model"], language=given["language"],
            api_key=given["new_key"] or None, actor=self.actor,
        )  # fmt: skip
        if not given["enabled"]:
            actions.switch_off(self.actor)
        return row


@admin.register(Transcriber)
class TranscriberAdmin(ActionAdmin):
    """The one endpoint that transcribes."""

    form = TranscriberForm
    list_display = ("name", "base_url", "model", "language", "enabled")
    fields = ("base_url", "model", "language", "new_key", "enabled")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one."""
        return super().has_add_permission(request) and not Transcriber.objects.exists()

    def remove(self, found: Transcriber, actor: Actor) -> None:
        """Forget it, with its key."""
        actions.remove(found, actor)
