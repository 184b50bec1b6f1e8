"""Bodies of the API are read as strictly as those of webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from apps.core import strictjson


class StrictJSONParser(BaseParser):
    """JSON; the framework's own parser breaks on deep nesting and passes duplicate keys."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the value of the body. Raises ``ParseError``."""
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        body = stream.read(most + 1)
        if len(body) > most:
            raise ParseError(f"more than {most} bytes")
        try:
            return strictjson.loads(body)
        except strictjson.MalformedJson as error:
            raise ParseError(f"JSON: {error}") from None
