"""The operations console: Django's admin behind our own sign-in, in the order of the house."""

from __future__ import annotations

from functools import update_wrapper
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import get_language

from apps.console import dashboard
from apps.core.clock import utcnow
from apps.core.i18n import Text, both

#: The parts of the house under their headings, models in the order in which one looks at them.
PARTS: tuple[tuple[Text, tuple[str, ...]], ...] = (
    (
        both("控制 · 消息", "Control · messages"),
        ("assistant.message", "im.delivery", "assistant.conversation", "im.bot"),
    ),
    (
        both("执行 · 任务", "Execution · jobs"),
        ("assistant.job", "assistant.approval", "schedules.", "django_celery_beat.", "skills."),
    ),
    (
        both("模型", "Model"),
        (
            "llm.languagemodel",
            "llm.modelcall",
            "llm.budget",
            "llm.spend",
            "knowledge.collection",
            "knowledge.document",
            "speech.",
            "llm.maskpattern",
            "llm.listedword",
            "llm.",
        ),
    ),
    (
        both("人员与权限", "People and rights"),
        ("accounts.person", "accounts.role", "accounts.grant", "accounts.binding", "accounts."),
    ),
    (both("审计", "Audit"), ("audit.",)),
)
REST = both("其他", "Everything else")
TITLE = both("控制台", "Console")

App = dict[str, Any]


class ConsoleSite(AdminSite):
    """The console, for people with `console.view`."""

    site_title = "ClawdBot"
    site_header = "ClawdBot"
    site_url = "/chat/"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take every model but Django's groups: rights come from our roles alone."""
        one = isinstance(model_or_iterable, type)
        models = [model_or_iterable] if one else list(model_or_iterable)
        wanted = [model for model in models if model._meta.label != "auth.Group"]
        super().register(wanted, admin_class, **options)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Ask strangers to sign in; tell members that the console is not for them."""
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
            if not self.has_permission(request):
                raise PermissionDenied
            response: HttpResponse = inner(request, *args, **kwargs)
            return response

        return update_wrapper(guarded, inner)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one sign-in page."""
        wanted = request.GET.get("next") or reverse("admin:index", current_app=self.name)
        return redirect_to_login(wanted, settings.LOGIN_URL)

    def logout(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """There is one way out; the admin's own button is a form that posts there."""
        return HttpResponseRedirect(reverse("account"))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The own account has the form, also for those who have no password yet."""
        return HttpResponseRedirect(reverse("account"))

    def index(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The first page has figures."""
        found = {"title": TITLE.in_(get_language() or ""), "tiles": dashboard.tiles(utcnow())}
        return super().index(request, {**found, **(extra_context or {})})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[App]:
        """Return the models under the headings of the house."""
        apps: list[App] = super().get_app_list(request, app_label)
        return apps if app_label else _parts(apps, reverse("admin:index", current_app=self.name))


def _parts(apps: list[App], home: str) -> list[App]:
    left = {
        f"{app['app_label']}.{model['object_name'].lower()}": model
        for app in apps
        for model in app["models"]
    }
    parts = []
    for heading, wanted in PARTS:
        models = []
        for name in wanted:
            whole = name.endswith(".")
            taken = [key for key in left if key == name or (whole and key.startswith(name))]
            models += [left.pop(key) for key in taken]
        parts.append(_part(heading, models, home))
    parts.append(_part(REST, list(left.values()), home))
    return [part for part in parts if part["models"]]


def _part(heading: Text, models: list[dict[str, Any]], home: str) -> App:
    label = heading.en.split()[0].lower()
    return {
        "name": heading.in_(get_language() or ""),
        "app_label": label,
        "app_url": f"{home}#{label}",
        "has_module_perms": True,
        "models": models,
    }
