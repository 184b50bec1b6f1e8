"""One signed request to an installation."""

from __future__ import annotations

import http.client
from collections.abc import Mapping

PATIENCE_S = 10.0


def post(port: int, path: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of the answer; 0 when the connection broke."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("POST", path, body, dict(headers))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
