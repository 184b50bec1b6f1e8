"""Signatures by the Standard Webhooks convention (github.com/standard-webhooks/standard-webhooks).

`v1,` and base64 of HMAC-SHA256 over "id.timestamp.body"; a header may list several, parted by
spaces, so that a secret can be changed without a gap.
"""

from __future__ import annotations

import base64
import binascii
import hmac

PREFIX = "whsec_"
#: Bytes of a secret, as the convention asks for.
SHORTEST, LONGEST = 24, 64


class BadSecret(ValueError):
    """The secret is not `whsec_` and base64 of 24 to 64 bytes."""


def key_of(secret: str) -> bytes:
    """The signing key in a secret, with or without its prefix. Raises `BadSecret`."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSecret("not base64") from error
    if not SHORTEST <= len(key) <= LONGEST:
        raise BadSecret(f"{len(key)} bytes")
    return key


def sign(key: bytes, event_id: str, stamp: str, body: bytes) -> str:
    """One signature, `v1,` in front."""
    signed = f"{event_id}.{stamp}.".encode("utf-8", "replace") + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def verify(key: bytes, event_id: str, stamp: str, body: bytes, signatures: str) -> bool:
    """Does one of the listed signatures fit? Other versions than v1 are passed over."""
    expected = sign(key, event_id, stamp, body).encode()
    fits = False
    for given in signatures.split(" "):
        fits |= hmac.compare_digest(given.encode("utf-8", "replace"), expected)
    return fits
