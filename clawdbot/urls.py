"""The addresses, as in the contract."""

from __future__ import annotations

from django.urls import include, path

from apps.webhooks.views import webhook

urlpatterns = [
    path("webhooks/<str:platform>/<slug:slug>/", webhook, name="webhook"),
    path("webhooks/<str:platform>/<slug:slug>/<path:rest>", webhook),
    path("", include("apps.webchat.urls")),
    path("", include("apps.api.urls")),
    path("", include("apps.console.urls")),
]
