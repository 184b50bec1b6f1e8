"""The console's pages of prompt skills: import of a zip, and the review."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import get_language

from apps.accounts.admin_base import ActionAdmin, ActionForm
from apps.audit.actor import Actor
from apps.core.i18n import both
from apps.skills.mcp.definition import revealed
from apps.skills.models import PromptSkill
from apps.skills.prompts import actions, bundle

_ZIP = both("SKILL.md 文件夹的 zip（不超过 1 MiB）", "A zip of a SKILL.md folder (at most 1 MiB)")
_ENABLED = both("审核通过，作为技能启用", "Reviewed: enable it as a skill")


class ImportForm(ActionForm):
    """A zip."""

    package = forms.FileField()

    class Meta:
        model = PromptSkill
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["package"].label = _ZIP.in_(get_language() or "")

    def act(self) -> PromptSkill:
        """Store it for a review."""
        package = self.cleaned_data["package"]
        package.seek(0)
        found = bundle.of_zip(package.read(bundle.MAX_TOTAL + 1), PurePath(package.name).stem)
        return actions.take(found, self.actor)[0]


class ReviewForm(ActionForm):
    """The review: what was looked at is named by its hash."""

    seen = forms.CharField(widget=forms.HiddenInput())
    enable = forms.BooleanField(required=False)

    class Meta:
        model = PromptSkill
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["enable"].label = _ENABLED.in_(get_language() or "")
        self.fields["enable"].initial = self.instance.state == "enabled"
        self.fields["seen"].initial = self.instance.sha256

    def act(self) -> PromptSkill:
        """Enable what was shown, or disable it."""
        row = PromptSkill.objects.get(pk=self.instance.pk)
        if not self.cleaned_data["enable"]:
            return actions.disable(row, self.actor)
        return actions.enable(row, sha256=self.cleaned_data["seen"], actor=self.actor)


@admin.register(PromptSkill)
class PromptSkillAdmin(ActionAdmin):
    """SKILL.md folders: nothing of them is a skill before somebody looked at it here."""

    list_display = ("skill_name", "state", "short", "imported_by", "imported_at", "reviewed_by")
    list_filter = ("state",)
    readonly_fields = (
        "skill_name", "state", "description", "license", "compatibility", "allowed_tools",
        "metadata", "told", "texts", "listed", "sha256", "imported_by", "imported_at",
        "reviewed_by", "reviewed_at",
    )  # fmt: skip

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Import first, review then."""
        kwargs["form"] = ReviewForm if obj else ImportForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Everything that there is to know before it is enabled."""
        return (*self.readonly_fields, "seen", "enable") if obj else ("package",)

    def remove(self, found: PromptSkill, actor: Actor) -> None:
        """Forget it."""
        actions.remove(found, actor)

    @admin.display(description="说明 description")
    def short(self, row: PromptSkill) -> str:
        """The beginning of the description."""
        return row.description[:80]

    @admin.display(description="告诉模型的话 what a model is told")
    def told(self, row: PromptSkill) -> str:
        """The body, with what cannot be seen made visible."""
        return _block(row.body)

    @admin.display(description="参考文字 references")
    def texts(self, row: PromptSkill) -> str:
        """The texts that go with it."""
        return _block("\n\n".join(f"{path}\n{text}" for path, text in row.references.items()))

    @admin.display(description="全部文件（脚本从不运行） all files (scripts never run)")
    def listed(self, row: PromptSkill) -> str:
        """Every file that was in the folder."""
        return _block("\n".join(f"{one['size']:>9}  {one['path']}" for one in row.files))


def _block(text: str) -> str:
    return format_html('<pre style="white-space: pre-wrap">{}</pre>', revealed(text) or "—")
