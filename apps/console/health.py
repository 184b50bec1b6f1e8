"""`/healthz/live` and `/healthz/ready`: what load balancers and monitors ask."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.core import health


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """This process answers; a restart would help with nothing that is not said here."""
    return JsonResponse({"status": "ok", "checks": [{"name": "web", "ok": True}]})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Database, broker, a live worker and a live beat: 200 when all are there, else 503.

    Only names and verdicts: anybody may ask, and texts of errors hold addresses.
    """
    found = health.run(ready_only=True)
    good = all(check.ok for check in found)
    checks = [{"name": check.name, "ok": check.ok} for check in found]
    body = {"status": "ok" if good else "failing", "checks": checks}
    return JsonResponse(body, status=200 if good else 503)
