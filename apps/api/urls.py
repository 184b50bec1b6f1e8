"""Addresses of the REST API, its OpenAPI document and its documentation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.urls import path
from django.views import View
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from apps.api import jobs, messages, own, schedules
from apps.api.mcp import views as mcp
from apps.api.openai.views import serve

ROUTES: dict[str, Any] = {
    "ask": messages.Ask.as_view(),
    "messages/<int:number>": messages.MessageDetail.as_view(),
    "jobs": jobs.Jobs.as_view(),
    "jobs/<str:number>": jobs.JobDetail.as_view(),
    "jobs/<str:number>/cancel": jobs.CancelJob.as_view(),
    "jobs/<str:number>/retry": jobs.RetryJob.as_view(),
    "schedules": schedules.Schedules.as_view(),
    "schedules/<str:number>": schedules.Schedule.as_view(),
    "schedules/<str:number>/pause": schedules.PauseSchedule.as_view(),
    "schedules/<str:number>/resume": schedules.ResumeSchedule.as_view(),
    "schedules/<str:number>/run": schedules.RunSchedule.as_view(),
    "bots": own.Bots.as_view(),
    "tokens": own.Tokens.as_view(),
    "tokens/<int:number>": own.Token.as_view(),
    "me": own.Me.as_view(),
}
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


class Docs(SpectacularSwaggerSplitView):
    """The documentation page; Swagger sets styles in the page, so its policy allows them."""

    def get(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Show it with a policy of its own."""
        response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response["Content-Security-Policy"] = DOCS_POLICY
        return response


def both_spellings(routes: dict[str, Any]) -> Iterable[Any]:
    """With and without a slash at the end: a redirect would turn a POST into a GET."""
    for route, view in routes.items():
        yield path(f"api/v1/{route}/", view)
        yield path(f"api/v1/{route}", view)


def canonical(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Leave the second spelling, and the document itself, out of the OpenAPI document."""
    return [one for one in endpoints if one[0].endswith("/") and one[0].startswith("/api/v1/")]


docs: type[View] = Docs
urlpatterns = [
    path("mcp/", mcp.endpoint),
    path("mcp", mcp.endpoint),
    *both_spellings(ROUTES),
    path("v1/<path:rest>", serve),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", login_required(docs.as_view(url_name="schema")), name="docs"),
]
