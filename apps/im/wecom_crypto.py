"""Opens and seals what WeCom (企业微信) pushes, for apps and for AI bots alike.

Source: developer.work.weixin.qq.com, "加解密方案说明" (path 90968) and its two published examples.
A push carries `msg_signature`, `timestamp` and `nonce` in its address and one sealed text, which
is base64 of AES-256-CBC over: 16 random bytes, the length of the message (4 bytes, network
order), the message, and the receive-id (the CorpID for an app, "" for an AI bot).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from apps.im.ciphers import (
    BadCiphertext,
    named_decrypt,
    named_encrypt,
    sorted_signature,
    unbase64,
)
from apps.im.payload import clock_fault, same
from apps.im.shapes import InboundRequest

MAX_SKEW_S = 600
KEY_CHARS = 43


class Refused(Exception):
    """The request is not what it claims to be; the argument is the reason's name."""

    @property
    def reason(self) -> str:
        """One of the declared reasons."""
        return str(self.args[0])


class BadKey(ValueError):
    """The EncodingAESKey is not 43 characters of base64."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """What the address of a push says about it."""

    signature: str
    timestamp: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed text with everything that its receiver checks."""

    encrypt: str
    signature: str
    timestamp: str
    nonce: str

    def query(self) -> dict[str, str]:
        """The parameters of the address that this is pushed to."""
        return {
            "msg_signature": self.signature,
            "timestamp": self.timestamp,
            "nonce": self.nonce,
        }


def aes_key(encoded: str) -> bytes:
    """The 32 bytes of an EncodingAESKey. Raises `BadKey`.

    43 characters hold 258 bits: what the last two of them are does not matter, and keys exist
    in which they are set.
    """
    if len(encoded) != KEY_CHARS:
        raise BadKey(f"an EncodingAESKey has {KEY_CHARS} characters")
    try:
        return unbase64(encoded + "=")
    except BadCiphertext as error:
        raise BadKey("an EncodingAESKey is letters and digits") from error


def signature(token: str, timestamp: str, nonce: str, encrypt: str) -> str:
    """The signature of a push."""
    return sorted_signature(token, timestamp, nonce, encrypt)


def parameters(request: InboundRequest) -> dict[str, str]:
    """The parameters of the address, decoded once.

    A `+` stays what it is: base64 has it, no parameter has spaces, and whoever sends it bare or
    decodes it on the way makes a space of it.
    """
    raw = request.query.get("__raw__", "")
    given = dict(parse_qsl(raw, keep_blank_values=True)) if raw else request.query
    return {name: value.replace(" ", "+") for name, value in given.items()}


def stamps(query: Mapping[str, str]) -> Stamps:
    """The stamps in the parameters of an address. Raises `Refused` when one is missing."""
    found = Stamps(
        query.get("msg_signature", ""), query.get("timestamp", ""), query.get("nonce", "")
    )
    if not (found.signature and found.timestamp and found.nonce):
        raise Refused("missing_signature")
    return found


def open_sealed(
    config: Mapping[str, Any], stamped: Stamps, encrypt: str, receive_id: str, now: float
) -> bytes:
    """The message inside a sealed text, once it is known to be genuine, fresh and for us.

    `config` holds `token`, `encoding_aes_key` and `max_skew_s`. Raises `Refused`.
    """
    token = str(config.get("token") or "")
    expected = signature(token, stamped.timestamp, stamped.nonce, encrypt)
    # Without a token anybody could sign.
    if not token or not same(stamped.signature, expected):
        raise Refused("bad_signature")
    fault = clock_fault(stamped.timestamp, now, float(config.get("max_skew_s") or MAX_SKEW_S))
    if fault:
        raise Refused(fault)
    try:
        message, given = named_decrypt(aes_key(str(config.get("encoding_aes_key") or "")), encrypt)
    except (BadCiphertext, BadKey) as error:
        raise Refused("bad_ciphertext") from error
    if given != receive_id.encode("utf-8", "replace"):
        raise Refused("receive_id_mismatch")
    return message


def seal(
    config: Mapping[str, Any],
    plain: bytes,
    receive_id: str,
    *,
    timestamp: str,
    nonce: str,
    random: bytes = b"",
) -> Envelope:
    """Encrypt and sign. The same `timestamp`, `nonce` and 16 bytes of `random` give the same.

    Raises `BadKey`.
    """
    key = aes_key(str(config.get("encoding_aes_key") or ""))
    encrypt = named_encrypt(key, plain, receive_id, random)
    signed = signature(str(config.get("token") or ""), timestamp, nonce, encrypt)
    return Envelope(encrypt, signed, timestamp, nonce)
