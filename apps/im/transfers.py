"""Whole files through the door: a form with files up, bytes of any kind down."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from apps.core.http import Door, File, HttpError, Refused, TooLarge, Unreachable
from apps.im.calls import Reply
from apps.im.errors import Later, Permanent, UnknownOutcome

#: Of one upload; it has to end within one attempt of a delivery.
UP_S = 12.0
DOWN_S = 45.0
MAX_ANSWER = 1024 * 1024


async def upload(
    door: Door,
    url: str,
    fields: Mapping[str, str],
    files: Mapping[str, File],
    *,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Post a multipart form to an address of the bot's settings. Errors as of `calls.call`.

    An upload that arrives twice is a second file that nobody sees.
    """
    try:
        response = await door.post(
            url, configured=True, data=fields, files=files, headers=headers or {}, timeout=UP_S,
            max_bytes=MAX_ANSWER, repeatable=True,
        )  # fmt: skip
    except Unreachable as error:
        raise Later(str(error)) from error
    except Refused as error:
        raise Permanent(str(error)) from error
    except HttpError as error:
        raise UnknownOutcome(str(error)) from error
    return Reply(response.status, response.headers, response.body)


async def download(
    door: Door,
    url: str,
    limit: int,
    *,
    headers: Mapping[str, str] | None = None,
    allow: Collection[str] | None = None,
) -> Reply:
    """Get at most `limit` bytes; with `allow` the address came in a payload and must fit it.

    Raises `Permanent` when there is more or the address may not be called, else `Later`.
    """
    try:
        response = await door.get(
            url, configured=allow is None, allow=allow or (), headers=headers or {},
            timeout=DOWN_S, max_bytes=limit,
        )  # fmt: skip
    except (Refused, TooLarge) as error:
        raise Permanent(str(error)) from error
    except HttpError as error:
        raise Later(str(error)) from error
    return Reply(response.status, response.headers, response.body)
