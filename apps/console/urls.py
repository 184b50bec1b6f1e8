"""Addresses of the console: admin, Flower, health and metrics."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from apps.console import flower, health, metrics

urlpatterns = [
    path("admin/", admin.site.urls),
    path("flower/", flower.flower, {"path": ""}, name="flower"),
    path("flower/<path:path>", flower.flower),
    path("healthz/live", health.live, name="live"),
    path("healthz/ready", health.ready, name="ready"),
    path("metrics", metrics.scrape, name="metrics"),
]
