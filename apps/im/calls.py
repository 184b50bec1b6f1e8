"""One call through the door, with its failures told apart as the outbox needs them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from apps.core import strictjson
from apps.core.http import Door, File, HttpError, Options, Refused, TooLarge, Unreachable
from apps.im.errors import Later, Permanent, UnknownOutcome

TIMEOUT_S = 10.0
MAX_ANSWER = 1024 * 1024
#: Nobody keeps an answer waiting for longer because a header said so.
LONGEST_WAIT_S = 3600.0
_JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer of any status; header names in lower case.

    `fresh` when its connection was made for it: none was kept, or that one had ended.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    fresh: bool = False

    def json(self) -> dict[str, Any]:
        """The JSON object in the body; empty when there is none."""
        try:
            value = strictjson.loads(self.body)
        except strictjson.MalformedJson:
            return {}
        return value if isinstance(value, dict) else {}

    def seconds(self, *names: str) -> float:
        """The first of these headers that holds a number of seconds; 0 when none does."""
        for name in names:
            text = self.headers.get(name, "").strip()
            if text.isascii() and text.isdigit() and len(text) < 10:
                return min(float(text), LONGEST_WAIT_S)
        return 0.0


async def call(
    door: Door,
    method: str,
    url: str,
    *,
    body: Mapping[str, Any] | None = None,
    data: bytes | None = None,
    files: Mapping[str, File] | None = None,
    headers: Mapping[str, str] | None = None,
    max_bytes: int = MAX_ANSWER,
    repeatable: bool = True,
    allow: Collection[str] | None = None,
) -> Reply:
    """Send `body` as JSON (or `data`, which is JSON already, or `files` as a form).

    `repeatable` says that the receiver knows a repeat by its key. The address is one of the bot's
    settings, or came in a payload: then `allow` names the hosts that it may have. Raises `Later`
    when nothing can have arrived, `Permanent` when the address may not be called or holds more
    than `max_bytes` to fetch, else `UnknownOutcome`.
    """
    content = data if body is None else strictjson.dumps(body).encode()
    kind = {} if content is None else {"content-type": _JSON}
    options: Options = {
        "headers": kind | dict(headers or {}),
        "timeout": TIMEOUT_S,
        "max_bytes": max_bytes,
        "repeatable": repeatable,
        "allow": allow or (),
    }
    if files:
        options["files"] = files
    else:
        options["body"] = content
    try:
        response = await door.request(method, url, configured=allow is None, **options)
    except Unreachable as error:
        raise Later(str(error)) from error
    except Refused as error:
        raise Permanent(str(error)) from error
    except TooLarge as error:
        # What was fetched is as large the next time; what was sent may have been taken.
        raise (Permanent if method == "GET" else UnknownOutcome)(str(error)) from error
    except HttpError as error:
        raise UnknownOutcome(str(error)) from error
    return Reply(response.status, response.headers, response.body, response.fresh)
