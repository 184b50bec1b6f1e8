"""Seals and opens what WeCom and an AI bot say to each other, as the vendor does it.

Written from the vendor's description alone, so that it agrees with the adapter only where both
are right: sha1 over the sorted texts, AES-256-CBC padded to 32 over random, length, message.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
import time
import uuid
from dataclasses import dataclass
from typing import Any

from apps.im.ciphers import cbc_decrypt, cbc_encrypt


@dataclass
class Sealer:
    """The vendor's half of one bot's callback."""

    token: str = "standAibotToken"
    encoding_aes_key: str = "s7tandAibotKey0123456789ABCDEFGHIJKLMNOPQRY"

    @property
    def key(self) -> bytes:
        """32 bytes."""
        return base64.b64decode(self.encoding_aes_key + "=")

    def seal(self, body: Any, *, stamp: str = "", nonce: str = "") -> tuple[bytes, dict[str, str]]:
        """The body and the query of a callback."""
        stamp, nonce = stamp or str(int(time.time())), nonce or uuid.uuid4().hex[:12]
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        return self.seal_bytes(text.encode(), stamp, nonce)

    def seal_bytes(self, plain: bytes, stamp: str, nonce: str) -> tuple[bytes, dict[str, str]]:
        """The same of any bytes."""
        sealed = self.encrypt(plain)
        query = {"msg_signature": self.sign(stamp, nonce, sealed), "timestamp": stamp}
        return json.dumps({"encrypt": sealed}).encode(), query | {"nonce": nonce}

    def encrypt(self, plain: bytes) -> str:
        """Base64 of the layout; an AI bot's receive-id is empty."""
        layout = os.urandom(16) + struct.pack(">I", len(plain)) + plain
        return base64.b64encode(cbc_encrypt(self.key, self.key[:16], layout, block=32)).decode()

    def open(self, answer: bytes, nonce: str) -> Any:
        """The JSON of a sealed answer; raises ValueError for what the vendor would not take."""
        given = json.loads(answer)
        if set(given) != {"encrypt", "msgsignature", "timestamp", "nonce"}:
            raise ValueError(f"an answer has four fields, not {sorted(given)}")
        if not isinstance(given["timestamp"], int) or given["nonce"] != nonce:
            raise ValueError("the timestamp is no number, or the nonce is another")
        if given["msgsignature"] != self.sign(str(given["timestamp"]), nonce, given["encrypt"]):
            raise ValueError("the signature is wrong")
        sealed = base64.b64decode(given["encrypt"], validate=True)
        layout = cbc_decrypt(self.key, self.key[:16], sealed, block=32)
        (length,) = struct.unpack(">I", layout[16:20])
        if len(layout) != 20 + length:
            raise ValueError("the receive-id is not empty")
        return json.loads(layout[20:])

    def sign(self, stamp: str, nonce: str, sealed: str) -> str:
        """Lower-case hex."""
        parts = sorted([self.token, stamp, nonce, sealed])
        return hashlib.sha1("".join(parts).encode()).hexdigest()  # noqa: S324 - the vendor's

    def media(self, data: bytes, key: bytes = b"") -> bytes:
        """A file as it lies at its address."""
        key = key or self.key
        return cbc_encrypt(key, key[:16], data, block=32)
