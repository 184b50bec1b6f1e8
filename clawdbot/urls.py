"""The addresses, as in the contract."""

from __future__ import annotations

from django.urls import path

from apps.webhooks.views import webhook

urlpatterns = [
    path("webhooks/<str:platform>/<slug:slug>/", webhook, name="webhook"),
    path("webhooks/<str:platform>/<slug:slug>/<path:rest>", webhook),
]
