"""`/metrics` for Prometheus, and the figures that are asked of the database at each scrape."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import Min
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from apps.assistant.actions import waiting
from apps.assistant.models import Job, Message
from apps.core import metrics
from apps.core.clock import utcnow
from apps.core.metrics import Sample
from apps.llm import limits
from apps.llm.models import LanguageModel
from clawdbot.lanes import LANES

#: Whoever sends one of these stands behind a proxy, so the peer says nothing about the caller.
PROXIED = ("x-forwarded-for", "forwarded", "x-real-ip")


@require_GET
@never_cache
def scrape(request: HttpRequest) -> HttpResponse:
    """The text format of Prometheus, for this machine or for the bearer of the token."""
    if not (_has_token(request) or _is_local(request)):
        return HttpResponseForbidden("a bearer token or loopback only\n", content_type="text/plain")
    return HttpResponse(metrics.render(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _has_token(request: HttpRequest) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    wanted: str = settings.CLAWDBOT_METRICS_TOKEN
    same = hmac.compare_digest(given.strip().encode(), wanted.encode())
    return bool(wanted) and scheme.lower() == "bearer" and same


def _is_local(request: HttpRequest) -> bool:
    if any(name in request.headers for name in PROXIED):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


@metrics.register_collector
def lanes() -> Iterable[Sample]:
    """How much is due in each lane, and how old the oldest of it is."""
    now = utcnow()
    due, oldest = waiting(), _oldest(now)
    for lane in LANES:
        labels = {"lane": lane}
        yield Sample("clawdbot_waiting", due.get(lane, 0), labels)
        age = (now - oldest[lane]).total_seconds() if lane in oldest else 0
        yield Sample("clawdbot_oldest_waiting_seconds", max(age, 0), labels)


@metrics.register_collector
def model_gates() -> Iterable[Sample]:
    """How busy each model is, and whether it has a pause."""
    for row in LanguageModel.objects.filter(enabled=True).order_by("pk"):
        gate, labels = limits.look(row), {"model": row.name}
        yield Sample("clawdbot_model_in_flight", gate.in_flight, labels)
        yield Sample("clawdbot_model_waiting", gate.waiting, labels)
        yield Sample("clawdbot_model_breaker_open", gate.breaker != "closed", labels)


def _oldest(now: datetime) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for model in (Message, Job):
        rows = model._default_manager.filter(state="waiting", not_before__lte=now)
        for lane, at in rows.values_list("lane").annotate(at=Min("not_before")):
            found[lane] = min(at, found.get(lane, at))
    return found
