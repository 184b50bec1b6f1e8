"""AES-256-CBC with PKCS#7 padding, as several platforms wrap their events."""

from __future__ import annotations

import base64
import binascii
import hmac
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

AES_BLOCK = 16


class BadCiphertext(ValueError):
    """The text is no base64, has no whole blocks, or its padding is wrong."""


def unbase64(text: str) -> bytes:
    """Decode standard base64 with its padding; other characters raise `BadCiphertext`."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadCiphertext("not base64") from error


def cbc_decrypt(key: bytes, iv: bytes, data: bytes, *, block: int = AES_BLOCK) -> bytes:
    """Decrypt and unpad; `block` is the padding's block (WeCom pads to 32).

    Call it only after the signature was checked: whoever can try ciphertexts can learn from
    the answer. Raises `BadCiphertext`.
    """
    if not data or len(data) % AES_BLOCK:
        raise BadCiphertext("no whole blocks")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return unpad(decryptor.update(data) + decryptor.finalize(), block)


def cbc_encrypt(key: bytes, iv: bytes, plain: bytes, *, block: int = AES_BLOCK) -> bytes:
    """Pad and encrypt."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(pad(plain, block)) + encryptor.finalize()


def pad(plain: bytes, block: int = AES_BLOCK) -> bytes:
    """Add 1 to `block` bytes, each the number of bytes added (RFC 5652, 6.3)."""
    count = block - len(plain) % block
    return plain + bytes([count]) * count


def unpad(padded: bytes, block: int = AES_BLOCK) -> bytes:
    """Take the padding off after looking at every byte of it, in constant time."""
    count = padded[-1] if padded else 0
    usable = 1 <= count <= min(block, len(padded))
    # A wrong count is compared too, so that both faults take the same time.
    size = count if usable else 1
    whole = hmac.compare_digest(padded[-size:], bytes([count]) * size)
    if not (usable and whole):
        raise BadCiphertext("wrong padding")
    return padded[:-count]


def iv_first_decrypt(key: bytes, text: str) -> bytes:
    """Decrypt base64 of (IV, ciphertext), as Feishu wraps its events. Raises `BadCiphertext`."""
    data = unbase64(text)
    return cbc_decrypt(key, data[:AES_BLOCK], data[AES_BLOCK:])


def iv_first_encrypt(key: bytes, plain: bytes, iv: bytes | None = None) -> str:
    """The other direction, with a random IV unless one is given."""
    iv = iv or os.urandom(AES_BLOCK)
    return base64.b64encode(iv + cbc_encrypt(key, iv, plain)).decode()
