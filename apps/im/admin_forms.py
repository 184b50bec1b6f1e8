"""The form of a bot, made from what its platform declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import get_language

from apps.core.i18n import Text, both
from apps.im.bot_settings import BadSettings, against_enabling, cleaned, config_of, public_settings
from apps.im.models import Bot
from apps.im.platform import Platform
from apps.im.registry import all_platforms, get_platform
from apps.im.shapes import Setting

if TYPE_CHECKING:
    Base = forms.ModelForm[Bot]
else:  # it takes no parameter at run time
    Base = forms.ModelForm

PREFIX = "setting_"
CLEAR = "clear_"

_KEPT = both("已设置（{shown}）；留空则不变。", "Set ({shown}); left empty it stays.")
_CLEAR = both("清除", "Clear it")
_PLATFORM = both("平台", "Platform")
_SLUG = both("代号（用在地址里）", "Slug (part of the address)")


def said(text: Text) -> str:
    """A text in the reader's language."""
    return text.in_(get_language() or "")


class NewBotForm(Base):
    """The first step: which platform, under which name. The bot starts disabled."""

    platform = forms.ChoiceField()

    class Meta:
        model = Bot
        fields = ("platform", "slug")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        addable = [one for one in all_platforms().values() if not one.built_in]
        choices = [(one.name, said(one.labels)) for one in addable]
        self.fields["platform"].choices = choices  # type: ignore[attr-defined]
        self.fields["platform"].label = said(_PLATFORM)
        self.fields["slug"].label = said(_SLUG)


class BotForm(Base):
    """Enabled or not, and one field for each setting; secrets go in and never come out."""

    class Meta:
        model = Bot
        fields = ("enabled", "connection")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.platform = get_platform(self.instance.platform)
        connections = [(name, name) for name in self.platform.connections]
        self.fields["connection"] = forms.ChoiceField(choices=connections)
        shown = public_settings(self.instance)
        for setting in self.platform.all_settings():
            value = shown.get(setting.name, "")
            self.fields[PREFIX + setting.name] = _field(setting, value)
            if setting.secret and value and not setting.required:
                self.fields[CLEAR + setting.name] = forms.BooleanField(
                    required=False, label=f"{said(_CLEAR)}: {said(setting.label)}"
                )

    def changes(self) -> dict[str, Any]:
        """The settings that were changed, as the actions take them.

        A password field starts empty, so that one left empty counts as unchanged.
        """
        found: dict[str, Any] = {}
        for setting in self.platform.all_settings():
            value = self.cleaned_data.get(PREFIX + setting.name) or ""
            if self.cleaned_data.get(CLEAR + setting.name):
                found[setting.name] = ""
            elif PREFIX + setting.name in self.changed_data:
                found[setting.name] = value
        return found

    def clean(self) -> dict[str, Any]:
        """Refuse what the actions would refuse, with the reason beside the form."""
        super().clean()
        try:
            changed = cleaned(self.platform, self.changes())
        except BadSettings as error:
            raise forms.ValidationError([said(problem) for problem in error.problems]) from error
        if self.cleaned_data.get("enabled"):
            config = {**config_of(self.instance), **changed}
            config["connection"] = self.cleaned_data.get("connection", "")
            for problem in against_enabling(self.platform, config):
                self.add_error("enabled", said(problem))
        return self.cleaned_data


def field_names(platform: Platform, bot: Bot) -> list[str]:
    """The form's fields in their order."""
    shown = public_settings(bot)
    names: list[str] = []
    for setting in platform.all_settings():
        names.append(PREFIX + setting.name)
        if setting.secret and shown.get(setting.name) and not setting.required:
            names.append(CLEAR + setting.name)
    return names


def _field(setting: Setting, value: str | int) -> forms.Field:
    help_text = said(setting.help) if setting.help else ""
    if not setting.secret:
        return forms.CharField(
            required=False, label=said(setting.label), help_text=help_text, initial=value
        )
    if value:
        help_text = f"{said(_KEPT.format(shown=value))} {help_text}"
    return forms.CharField(
        required=False,
        label=said(setting.label),
        help_text=help_text,
        strip=True,
        # New: browsers must not fill in somebody's sign-in password.
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
