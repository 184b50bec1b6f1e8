"""Errors of the API: `{"error": code, "detail": text in the reader's language}`."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import get_language
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from apps.core.errors import ClawdbotError


class NotFound(ClawdbotError):
    """There is no such thing, or it is somebody else's."""

    code = "not_found"
    zh = "没有找到，或者它属于别人。"
    http_status = 404
    permanent = True


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn every expected error into the one shape; anything else stays a 500 in the log."""
    if isinstance(error, ClawdbotError):
        detail = error.text(get_language() or "")
        return Response({"error": error.code, "detail": detail}, status=error.http_status)
    response = exception_handler(error, context)
    if response is None:
        return None
    response.data = _body(error)
    return response


def _body(error: Exception) -> dict[str, Any]:
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.ValidationError):
        fields = error.detail if isinstance(error.detail, dict) else {"": error.detail}
        said = [f"{name}: {text}" if name else str(text) for name, text in _flat(fields)]
        return {"error": "invalid", "detail": " ".join(said), "fields": fields}
    if isinstance(error, exceptions.APIException):
        return {"error": str(error.get_codes()), "detail": str(error.detail)}
    return {"error": "error", "detail": str(error)}


def _flat(fields: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        ("" if name == "non_field_errors" else name, text)
        for name, texts in fields.items()
        for text in (texts if isinstance(texts, list) else [texts])
    ]
