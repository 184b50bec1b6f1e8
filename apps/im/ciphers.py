"""AES-256-CBC with PKCS#7 padding, as several platforms wrap their events."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

AES_BLOCK = 16
#: What WeCom and DingTalk pad to, where AES itself has blocks of 16.
WIDE_BLOCK = 32
_RANDOM = 16
_LENGTH = 4


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


def sorted_signature(*texts: str) -> str:
    """Lower-case hex SHA-1 of texts, sorted and joined, as WeCom and DingTalk sign."""
    joined = "".join(sorted(texts))
    return hashlib.sha1(joined.encode("utf-8", "replace")).hexdigest()  # noqa: S324 - the vendors'


def named_decrypt(key: bytes, text: str) -> tuple[bytes, bytes]:
    """The message, and for whom it is, in base64 of an encrypted layout. Raises `BadCiphertext`.

    WeCom and DingTalk lay out 16 random bytes, the length of the message (4 bytes, network order),
    the message and its receiver; the IV begins the key, and they pad to 32 bytes.
    """
    layout = cbc_decrypt(key, key[:AES_BLOCK], unbase64(text), block=WIDE_BLOCK)
    begin = _RANDOM + _LENGTH
    end = begin + int.from_bytes(layout[_RANDOM:begin])
    if len(layout) < begin or end > len(layout):
        raise BadCiphertext("the length is more than there is")
    return layout[begin:end], layout[end:]


def named_encrypt(key: bytes, message: bytes, receiver: str, random: bytes = b"") -> str:
    """The other direction; `random` is 16 bytes, made when it is not given."""
    random = random or os.urandom(_RANDOM)
    if len(random) != _RANDOM:
        raise ValueError(f"{_RANDOM} random bytes are needed")
    layout = random + len(message).to_bytes(_LENGTH) + message + receiver.encode()
    sealed = cbc_encrypt(key, key[:AES_BLOCK], layout, block=WIDE_BLOCK)
    return base64.b64encode(sealed).decode()
