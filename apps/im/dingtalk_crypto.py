"""The four ways in which DingTalk (钉钉) proves that something comes from it.

Sources: open.dingtalk.com, "机器人接收消息" (robot callbacks), "事件回调" of interactive cards, and
"自定义机器人安全设置"; the event subscription's layout is that of DingTalk-Callback-Crypto, whose
published Python cannot encrypt 128 to 255 bytes and miscounts the padding of what is no ASCII.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass

from apps.im.ciphers import BadCiphertext, cbc_decrypt, cbc_encrypt, unbase64

#: Events are padded to 32 bytes where AES itself has blocks of 16.
PAD_BLOCK = 32
_KEY_CHARS = 43
_RANDOM = 16
_LENGTH = 4


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
    """Lower-case hex SHA-1 of the four texts, sorted and joined."""
    joined = "".join(sorted((token, stamp, nonce, encrypt)))
    return hashlib.sha1(joined.encode("utf-8", "replace")).hexdigest()  # noqa: S324 - the vendor's


def open_event(aes_key: str, encrypt: str) -> Opened:
    """Decrypt an event: 16 random bytes, its length, itself, the owner's key.

    Raises `BadCiphertext`, for a key that is none too.
    """
    key = _key(aes_key)
    layout = cbc_decrypt(key, key[:16], unbase64(encrypt), block=PAD_BLOCK)
    begin = _RANDOM + _LENGTH
    end = begin + int.from_bytes(layout[_RANDOM:begin])
    if len(layout) < begin or end > len(layout):
        raise BadCiphertext("the length is more than there is")
    return Opened(layout[begin:end], layout[end:])


def seal_event(aes_key: str, message: bytes, owner: str, random: bytes = b"") -> str:
    """The other direction; `random` is 16 bytes, made when it is not given."""
    key = _key(aes_key)
    random = random or os.urandom(_RANDOM)
    layout = random + len(message).to_bytes(_LENGTH) + message + owner.encode()
    return base64.b64encode(cbc_encrypt(key, key[:16], layout, block=PAD_BLOCK)).decode()


def _key(encoded: str) -> bytes:
    if len(encoded) != _KEY_CHARS:
        raise BadCiphertext(f"an aes_key has {_KEY_CHARS} characters")
    return unbase64(encoded + "=")


def _hmac(secret: str, message: str) -> str:
    digest = hmac.new(secret.encode(), message.encode("utf-8", "replace"), hashlib.sha256)
    return base64.b64encode(digest.digest()).decode()
