"""Secrets at rest, tags against forgery, and one-time tokens; every key comes from the settings.

A stored secret is one ASCII token (the layout is ours, the parts are RFC 5869 and NIST SP 800-38D):

    v1.A256GCM.<key id>.<wrapped data key>.<nonce>.<ciphertext>

Each secret has its own data key, wrapped by a key-encryption key (KEK) derived from one of
``CLAWDBOT_SECRET_KEYS``. Rotation wraps data keys anew and never touches ciphertexts.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from apps.core.errors import ClawdbotError
from apps.core.scrub import hide

VERSION = "v1"
ALGORITHM = "A256GCM"
MIN_KEY_LENGTH = 32
_NONCE = 12


class SecretError(ClawdbotError):
    """A stored secret cannot be read: {reason}."""

    code = "secret"
    zh = "无法读取已保存的密钥:{reason}。"
    permanent = True


class Secret:
    """A string that shows itself only when asked by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself, for the one call that needs it; logs of it are hidden."""
        hide(self._value)
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')" if self._value else "Secret('')"

    def __str__(self) -> str:
        return "***" if self._value else ""

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled or copied; pass the row's id instead")


def keys() -> list[str]:
    """Return the configured keys, the encrypting one first.

    Raises ``SecretError`` when there is none or one is shorter than 32 characters.
    """
    configured = list(settings.CLAWDBOT_SECRET_KEYS)
    if not configured or any(len(key) < MIN_KEY_LENGTH for key in configured):
        raise SecretError(reason="CLAWDBOT_SECRET_KEYS is missing or too short")
    return configured


def encrypt(plain: str, aad: str) -> str:
    """Return ``plain`` as a token that only opens with the same ``aad``.

    ``aad`` names the place, by convention ``"table|row|field"``, so that a token copied to another
    row or field does not open there.
    """
    kek = _kek(keys()[0])
    data_key, nonce = AESGCM.generate_key(256), os.urandom(_NONCE)
    body = AESGCM(data_key).encrypt(nonce, plain.encode(), _bound(aad))
    return _Token(kek.id, kek.wrap(data_key), nonce, body).text()


def decrypt(token: str, aad: str) -> str:
    """Return what ``encrypt`` was given.

    Raises ``SecretError`` for an unknown key, a changed token or another ``aad``.
    """
    parsed = _Token.parse(token)
    data_key = _kek_of(parsed).unwrap(parsed.wrapped)
    try:
        return AESGCM(data_key).decrypt(parsed.nonce, parsed.body, _bound(aad)).decode()
    except InvalidTag:
        raise SecretError(reason="it was changed, or belongs to another row or field") from None


def rewrap(token: str) -> str:
    """Return the token under the first key; its ciphertext stays the same, byte for byte.

    Raises ``SecretError`` as ``decrypt`` does; ``aad`` is not needed.
    """
    parsed = _Token.parse(token)
    data_key = _kek_of(parsed).unwrap(parsed.wrapped)
    first = _kek(keys()[0])
    if parsed.kid == first.id:
        return token
    return _Token(first.id, first.wrap(data_key), parsed.nonce, parsed.body).text()


def needs_rewrap(token: str) -> bool:
    """Tell whether the token is under another key than the first."""
    return _Token.parse(token).kid != _kek(keys()[0]).id


def mac(data: bytes, purpose: str) -> str:
    """Return ``"<key id>:<hex HMAC-SHA256>"``; a tag of one purpose is worthless in another."""
    key = keys()[0]
    return f"{_kek(key).id}:{_hmac(key, purpose, data)}"


def mac_ok(data: bytes, purpose: str, tag: str) -> bool:
    """Tell, in constant time, whether ``tag`` fits the data under any configured key."""
    kid, _, _ = tag.partition(":")
    key = next((key for key in keys() if _kek(key).id == kid), "")
    expected = f"{kid}:{_hmac(key, purpose, data)}"
    return hmac.compare_digest(expected.encode(), tag.encode()) and bool(key)


def mac_under(kid: str, data: bytes, purpose: str) -> str:
    """Return the hex HMAC of the data under the key of that id, "" when it is not configured."""
    key = next((key for key in keys() if _kek(key).id == kid), "")
    return _hmac(key, purpose, data) if key else ""


def token() -> str:
    """Return 32 random bytes as text that fits a link or a header."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Return what is stored of a token (SHA-256 in hex): enough to know it, no use to a thief."""
    return hashlib.sha256(token.encode()).hexdigest()


def django_secret(keys: Sequence[str]) -> str:
    """Return Django's SECRET_KEY, derived from the first of ``keys``."""
    return base64.urlsafe_b64encode(_derive(keys[0], "django", 48)).decode()


def fingerprint(secret: str) -> str:
    """Return 8 hex digits by which two people can see that they hold the same secret.

    Keyed, so that the digits alone cannot be used to try out weak secrets.
    """
    return _hmac(keys()[0], "fingerprint", secret.encode())[:8]


def last4(secret: str) -> str:
    """Return ``"***"`` and the last four characters; none of them of a secret under 16."""
    return "***" + (secret[-4:] if len(secret) >= 16 else "")


@dataclass(frozen=True, slots=True)
class _Kek:
    id: str
    _cipher: AESGCM

    def wrap(self, data_key: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data_key, self._header())

    def unwrap(self, wrapped: bytes) -> bytes:
        try:
            return self._cipher.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], self._header())
        except (InvalidTag, ValueError):
            raise SecretError(reason="its wrapped key was changed") from None

    def _header(self) -> bytes:
        return f"{VERSION}.{ALGORITHM}.{self.id}".encode()


@dataclass(frozen=True, slots=True)
class _Token:
    kid: str
    wrapped: bytes
    nonce: bytes
    body: bytes

    def text(self) -> str:
        parts = (_b64(part) for part in (self.wrapped, self.nonce, self.body))
        return ".".join((VERSION, ALGORITHM, self.kid, *parts))

    @classmethod
    def parse(cls, token: str) -> _Token:
        parts = token.split(".")
        if len(parts) != 6 or parts[:2] != [VERSION, ALGORITHM]:
            raise SecretError(reason="it has an unknown form")
        try:
            wrapped, nonce, body = map(_unb64, parts[3:])
        except (binascii.Error, ValueError):
            raise SecretError(reason="it has an unknown form") from None
        if len(nonce) != _NONCE or len(wrapped) != _NONCE + 48 or len(body) < 16:
            raise SecretError(reason="it has an unknown form")
        return cls(parts[2], wrapped, nonce, body)


def _kek_of(parsed: _Token) -> _Kek:
    for key in keys():
        kek = _kek(key)
        if kek.id == parsed.kid:
            return kek
    raise SecretError(reason=f"no configured key has the id {parsed.kid[:16]!r}")


@functools.lru_cache(maxsize=32)
def _kek(key: str) -> _Kek:
    return _Kek(_derive(key, "kek id", 6).hex(), AESGCM(_derive(key, "kek", 32)))


@functools.lru_cache(maxsize=256)
def _mac_key(key: str, purpose: str) -> bytes:
    return _derive(key, f"mac {purpose}", 32)


def _hmac(key: str, purpose: str, data: bytes) -> str:
    return hmac.digest(_mac_key(key, purpose), data, "sha256").hex()


def _derive(key: str, purpose: str, length: int) -> bytes:
    info = f"clawdbot {VERSION} {purpose}".encode()
    return HKDF(SHA256(), length, salt=None, info=info).derive(key.encode())


def _bound(aad: str) -> bytes:
    return f"{VERSION}.{ALGORITHM}|{aad}".encode()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # Only the one spelling that we write: unused bits or skipped characters are tampering.
    if _b64(data) != text:
        raise ValueError("not canonical")
    return data
