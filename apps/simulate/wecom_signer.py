"""Makes pushes as WeCom does: XML inside XML, encrypted and signed, written down anew here."""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import struct
import time
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from apps.simulate.desk import Push

_IDS = itertools.count(7_000_000_000_000_000)


@dataclass
class Signer:
    """The vendor's half of one app's callback."""

    corp_id: str = "ww5a1d0000000001"
    agent_id: int = 1000002
    token: str = "standTok3n"
    encoding_aes_key: str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
    nonces: itertools.count[int] = field(default_factory=lambda: itertools.count(1000001))

    def encrypt(self, plain: bytes, receive_id: str | None = None) -> str:
        """Random bytes, length, message, receive-id; padded to 32; AES-256-CBC; base64."""
        key = base64.b64decode(self.encoding_aes_key + "=")
        owner = (self.corp_id if receive_id is None else receive_id).encode()
        layout = os.urandom(16) + struct.pack(">I", len(plain)) + plain + owner
        count = 32 - len(layout) % 32
        layout += bytes([count]) * count
        cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
        return base64.b64encode(cipher.update(layout) + cipher.finalize()).decode()

    def stamps(self, encrypt: str, *, stamp: str = "", nonce: str = "") -> dict[str, str]:
        """The parameters of the address that belong to a sealed text."""
        stamp, nonce = stamp or str(int(time.time())), nonce or str(next(self.nonces))
        parts = sorted([self.token, stamp, nonce, encrypt])
        seen = hashlib.sha1("".join(parts).encode()).hexdigest()  # noqa: S324 - the vendor's
        return {"msg_signature": seen, "timestamp": stamp, "nonce": nonce}

    def push(
        self, inner: str | bytes, *, stamp: str = "", nonce: str = "", message_id: str = ""
    ) -> Push:
        """The push of an inner document."""
        plain = inner.encode() if isinstance(inner, str) else inner
        encrypt = self.encrypt(plain)
        return self.enveloped(encrypt, stamp=stamp, nonce=nonce, message_id=message_id)

    def enveloped(
        self, encrypt: str, *, stamp: str = "", nonce: str = "", message_id: str = ""
    ) -> Push:
        """The push of a sealed text."""
        body = (
            f"<xml><ToUserName><![CDATA[{self.corp_id}]]></ToUserName>"
            f"<Encrypt><![CDATA[{encrypt}]]></Encrypt>"
            f"<AgentID><![CDATA[{self.agent_id}]]></AgentID></xml>"
        ).encode()
        query = self.stamps(encrypt, stamp=stamp, nonce=nonce)
        return Push(body, {"Content-Type": "text/xml"}, query, message_id=message_id)

    def address_check(self, word: str = "1616140317555161061") -> Push:
        """The GET by which WeCom checks the address."""
        encrypt = self.encrypt(word.encode())
        query = self.stamps(encrypt) | {"echostr": encrypt}
        return Push(b"", {}, query, method="GET")

    def inner(self, who: str, kind: str, parts: str, *, message_id: str = "", at: int = 0) -> str:
        """The inner document of a message (with `message_id`) or an event (without)."""
        named = f"<MsgId>{message_id}</MsgId>" if message_id else ""
        return (
            f"<xml><ToUserName>{_cdata(self.corp_id)}</ToUserName>"
            f"<FromUserName>{_cdata(who)}</FromUserName>"
            f"<CreateTime>{at or int(time.time())}</CreateTime>"
            f"<MsgType>{_cdata(kind)}</MsgType>{parts}{named}"
            f"<AgentID>{self.agent_id}</AgentID></xml>"
        )

    def message(self, who: str, kind: str, message_id: str = "", **fields: str) -> str:
        """A message with these fields."""
        parts = "".join(f"<{name}>{_cdata(value)}</{name}>" for name, value in fields.items())
        return self.inner(who, kind, parts, message_id=message_id or new_id())

    def event(self, who: str, event: str, *, at: int = 0, parts: str = "", **fields: str) -> str:
        """An event with these fields; `parts` is XML as it is."""
        named = "".join(f"<{name}>{_cdata(value)}</{name}>" for name, value in fields.items())
        return self.inner(who, "event", f"<Event>{_cdata(event)}</Event>{named}{parts}", at=at)

    def click(
        self, who: str, key: str, *, task: str, code: str, card_type: str, **values: str
    ) -> str:
        """A click on a template card; `values` are what was picked, by question."""
        items = "".join(
            f"<SelectedItem><QuestionKey>{_cdata(name)}</QuestionKey>"
            f"<OptionIds><OptionId>{_cdata(value)}</OptionId></OptionIds></SelectedItem>"
            for name, value in values.items()
        )
        return self.event(
            who,
            "template_card_event",
            parts=f"<SelectedItems>{items}</SelectedItems>" if items else "",
            EventKey=key,
            TaskId=task,
            CardType=card_type,
            ResponseCode=code,
        )


def new_id() -> str:
    """The next MsgId."""
    return str(next(_IDS))


def _cdata(text: str) -> str:
    return escape(text) if "]]>" in text else f"<![CDATA[{text}]]>"
