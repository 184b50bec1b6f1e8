"""The four ways in which DingTalk (钉钉) proves that something comes from it.

Sources: open.dingtalk.com, "机器人接收消息" (robot callbacks), "事件回调" of interactive cards, and
"自定义机器人安全设置"; the event subscription's layout is that of DingTalk-Callback-Crypto, whose
published Python cannot encrypt 128 to 255 bytes and miscounts the padding of what is no ASCII.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from apps.im.ciphers import (
    BadCiphertext,
    named_decrypt,
    named_encrypt,
    sorted_signature,
    unbase64,
)

_KEY_CHARS = 43


@dataclass(frozen=True, slots=True)
class Opened:
    """What was inside an encrypted event."""

    message: bytes
    owner: bytes


def robot_sign(stamp: str, secret: str) -> str:
    """`sign` of a robot callback and of a group robot's address: it covers no body.

    `stamp` is in milliseconds; `secret` is the app's for what comes in, the robot's own (SEC…)
    for what goes out.
    """
    return _hmac(secret, f"{stamp}\n{secret}")


def card_sign(stamp: str, api_secret: str) -> str:
    """`x-ddpaas-signature` of a card callback over HTTP; it covers no body either."""
    return _hmac(api_secret, stamp)


def card_secret(app_secret: str) -> str:
    """The `apiSecret` that is registered for card callbacks: one more secret is nobody's burden."""
    return hmac.new(app_secret.encode(), b"card callback", hashlib.sha256).hexdigest()


def event_signature(token: str, stamp: str, nonce: str, encrypt: str) -> str:
    """The signature of an encrypted event."""
    return sorted_signature(token, stamp, nonce, encrypt)


def open_event(aes_key: str, encrypt: str) -> Opened:
    """Decrypt an event. Raises `BadCiphertext`, for a key that is none too."""
    return Opened(*named_decrypt(_key(aes_key), encrypt))


def seal_event(aes_key: str, message: bytes, owner: str, random: bytes = b"") -> str:
    """The other direction; `random` is 16 bytes, made when it is not given."""
    return named_encrypt(_key(aes_key), message, owner, random)


def _key(encoded: str) -> bytes:
    if len(encoded) != _KEY_CHARS:
        raise BadCiphertext(f"an aes_key has {_KEY_CHARS} characters")
    return unbase64(encoded + "=")


def _hmac(secret: str, message: str) -> str:
    digest = hmac.new(secret.encode(), message.encode("utf-8", "replace"), hashlib.sha256)
    return base64.b64encode(digest.digest()).decode()
