"""A file of a signed-in person: what they sent, or what a skill made for them."""

from __future__ import annotations

from urllib.parse import quote
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.im import files
from apps.im.models import StoredFile
from apps.webchat.middleware import HEADER
from apps.webchat.session import me

#: Whatever the file holds, nothing of it runs or loads anything (CSP 3, `sandbox`).
POLICY = "default-src 'none'; img-src 'self'; sandbox; frame-ancestors 'none'; base-uri 'none'"


@require_safe
@login_required
@never_cache
def stored(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The bytes, as a download; a picture may be drawn. Somebody else's is not there."""
    row = StoredFile.objects.filter(uid=uid, person_id=me(request).pk).first()
    if row is None:
        raise Http404
    try:
        data = files.read(row)
    except files.FileGone as error:
        raise Http404 from error
    inline = files.shown_inline(row)
    # What is no picture is handed over as bytes: no browser is to find a use for it here.
    kind = row.mime if inline else "application/octet-stream"
    response = HttpResponse(data, content_type=kind)
    response.headers["Content-Disposition"] = disposition(row.name, inline=inline)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers[HEADER] = POLICY
    return response


def disposition(name: str, *, inline: bool) -> str:
    """The header with the name in both spellings (RFC 6266)."""
    how = "inline" if inline else "attachment"
    plain = "".join(one if one.isascii() and one.isprintable() else "_" for one in name)
    plain = plain.replace("\\", "_").replace('"', "_")
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
