"""Opens a Feishu event: signature, clock, decryption and token, in that order.

Source: open.feishu.cn, "Encrypt Key configuration". The Encrypt Key signs and encrypts; without
one the Verification Token is all that tells an event from a forgery.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from apps.im.ciphers import BadCiphertext, iv_first_decrypt
from apps.im.payload import Malformed, clock_fault, optional_object, parse_object, same, text_at
from apps.im.shapes import InboundRequest

MAX_SKEW_S = 3600


class Refused(Exception):
    """The request is not what it claims to be; the argument is the reason's name."""

    @property
    def reason(self) -> str:
        """One of the declared reasons."""
        return str(self.args[0])


def cipher_key(encrypt_key: str) -> bytes:
    """The AES key that belongs to an Encrypt Key."""
    return hashlib.sha256(encrypt_key.encode()).digest()


def signature(stamp: str, nonce: str, encrypt_key: str, body: bytes) -> str:
    """Lower-case hex SHA-256 of timestamp, nonce, key and the raw body."""
    prefix = (stamp + nonce + encrypt_key).encode("utf-8", "replace")
    return hashlib.sha256(prefix + body).hexdigest()


def open_event(config: Mapping[str, Any], request: InboundRequest, now: float) -> dict[str, Any]:
    """The event as an object, once it is known to be genuine.

    Raises `Refused` for what is not genuine and `Malformed` for what cannot be read.
    """
    encrypt_key = str(config.get("encrypt_key") or "")
    if encrypt_key:
        event = _open_encrypted(encrypt_key, config, request, now)
    else:
        event = parse_object(request.body)
    _check_token(config, event, encrypted=bool(encrypt_key))
    return event


def is_url_check(event: Mapping[str, Any]) -> bool:
    """Is this the vendor's check of the address?"""
    return event.get("type") == "url_verification"


def _open_encrypted(
    encrypt_key: str, config: Mapping[str, Any], request: InboundRequest, now: float
) -> dict[str, Any]:
    stamp = request.header("x-lark-request-timestamp")
    nonce = request.header("x-lark-request-nonce")
    given = request.header("x-lark-signature")
    if not (stamp and nonce and given):
        return _open_unsigned(encrypt_key, request.body)
    if not same(given, signature(stamp, nonce, encrypt_key, request.body)):
        raise Refused("bad_signature")
    fault = clock_fault(stamp, now, float(config.get("max_skew_s") or MAX_SKEW_S))
    if fault:
        raise Refused(fault)
    return _decrypt(encrypt_key, request.body)


def _open_unsigned(encrypt_key: str, body: bytes) -> dict[str, Any]:
    """Only the check of the address comes unsigned; whatever else is wrong has one name."""
    try:
        event = _decrypt(encrypt_key, body)
    except (Malformed, Refused) as error:
        raise Refused("missing_signature") from error
    if not is_url_check(event):
        raise Refused("missing_signature")
    return event


def _decrypt(encrypt_key: str, body: bytes) -> dict[str, Any]:
    # A body in clear text has no "encrypt" and ends here, signed or not.
    wrapped = text_at(parse_object(body), "encrypt")
    try:
        plain = iv_first_decrypt(cipher_key(encrypt_key), wrapped)
    except BadCiphertext as error:
        raise Refused("bad_ciphertext") from error
    return parse_object(plain)


def _check_token(config: Mapping[str, Any], event: Mapping[str, Any], *, encrypted: bool) -> None:
    expected = str(config.get("verification_token") or "")
    if not expected and encrypted:
        return
    holder = optional_object(event, "header") if "header" in event else event
    given = holder.get("token")
    if not (isinstance(given, str) and same(given, expected)):
        raise Refused("bad_token")
