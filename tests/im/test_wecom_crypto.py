"""WeCom's callback crypto: the published examples, every check, and the vendor's order of bytes."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from apps.im.base import InboundRequest
from apps.im.ciphers import cbc_encrypt
from apps.im.wecom_crypto import (
    BadKey,
    Envelope,
    Refused,
    Stamps,
    aes_key,
    open_sealed,
    parameters,
    seal,
    signature,
    stamps,
)

#: As published with the guide.
TOKEN = "QDG6eK"
KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
CORP = "wx5823bf96d3bd56c7"
CONFIG = {"token": TOKEN, "encoding_aes_key": KEY, "max_skew_s": 600}
ECHO = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
ECHO_STAMPS = Stamps("5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3", "1409659589", "263014780")
NOW = 1795330800


def sealed(plain: bytes = b"hello", receive_id: str = CORP, **changes: Any) -> Envelope:
    options: dict[str, Any] = {"timestamp": str(NOW), "nonce": "n0nce"} | changes
    return seal(CONFIG, plain, receive_id, **options)


def opened(envelope: Envelope, receive_id: str = CORP, **config: Any) -> bytes:
    found = Stamps(envelope.signature, envelope.timestamp, envelope.nonce)
    return open_sealed(CONFIG | config, found, envelope.encrypt, receive_id, NOW)


def refusal(envelope: Envelope, receive_id: str = CORP, **config: Any) -> str:
    with pytest.raises(Refused) as caught:
        opened(envelope, receive_id, **config)
    return caught.value.reason


def signed(encrypt: str) -> Envelope:
    """A right signature over anything."""
    return Envelope(encrypt, signature(TOKEN, str(NOW), "n0nce", encrypt), str(NOW), "n0nce")


def encrypted(layout: bytes, *, block: int = 32) -> Envelope:
    key = aes_key(KEY)
    return signed(base64.b64encode(cbc_encrypt(key, key[:16], layout, block=block)).decode())


def test_the_published_check_of_an_address() -> None:
    assert open_sealed(CONFIG, ECHO_STAMPS, ECHO, CORP, 1409659589) == b"1616140317555161061"


def test_the_published_check_can_be_made_again() -> None:
    """Its random bytes are in it: everything else follows from the scheme."""
    echo = base64.b64decode(ECHO)
    key = aes_key(KEY)
    random = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor().update(echo)[:16]
    when = {"timestamp": ECHO_STAMPS.timestamp, "nonce": ECHO_STAMPS.nonce}
    made = seal(CONFIG, b"1616140317555161061", CORP, random=random, **when)
    assert made == Envelope(ECHO, ECHO_STAMPS.signature, ECHO_STAMPS.timestamp, ECHO_STAMPS.nonce)


@given(st.binary(max_size=300), st.text(max_size=20))
def test_what_was_sealed_opens(plain: bytes, receive_id: str) -> None:
    receive_id = receive_id.encode("utf-8", "ignore").decode()
    assert opened(sealed(plain, receive_id), receive_id) == plain


def test_seals_differ_unless_their_random_bytes_are_given() -> None:
    assert sealed().encrypt != sealed().encrypt
    assert sealed(random=b"r" * 16) == sealed(random=b"r" * 16)
    with pytest.raises(ValueError, match="16 random bytes"):
        sealed(random=b"r" * 15)


@pytest.mark.parametrize("name", ["signature", "timestamp", "nonce", "encrypt"])
def test_each_signed_part_counts(name: str) -> None:
    envelope = sealed()
    parts = {part: getattr(envelope, part) for part in Envelope.__dataclass_fields__}
    value = parts[name]
    parts[name] = value[:-1] + ("1" if value[-1] != "1" else "2")
    assert refusal(Envelope(**parts)) == "bad_signature"


@pytest.mark.parametrize("token", ["", "other", None])
def test_another_token_or_none(token: str | None) -> None:
    envelope = seal(
        CONFIG | {"token": ""}, b"x", CORP, timestamp=str(NOW), nonce="n"
    )  # signed with nothing
    assert refusal(envelope, token=token) == "bad_signature"


@pytest.mark.parametrize(
    ("stamp", "reason"),
    [(str(NOW - 601), "stale"), (str(NOW + 601), "stale"), ("soon", "bad_timestamp")],
)
def test_the_clock(stamp: str, reason: str) -> None:
    assert refusal(sealed(timestamp=stamp)) == reason
    assert opened(sealed(timestamp=str(NOW - 600))) == b"hello"
    assert refusal(sealed(timestamp=str(NOW - 11)), max_skew_s=10) == "stale"


def test_a_seal_for_somebody_else() -> None:
    assert refusal(sealed(receive_id="ww_other")) == "receive_id_mismatch"
    assert refusal(sealed(receive_id="")) == "receive_id_mismatch"
    assert refusal(sealed(), receive_id="") == "receive_id_mismatch"
    assert opened(sealed(receive_id=""), receive_id="") == b"hello"


@pytest.mark.parametrize(
    "encrypt",
    ["", "!!!notbase64!!!", "YWJj", ECHO[:-1], ECHO + "\n", "-" + ECHO[1:], "A" * 84],
)
def test_texts_that_do_not_open(encrypt: str) -> None:
    assert refusal(signed(encrypt)) == "bad_ciphertext"


def test_layouts_that_lie() -> None:
    head = b"r" * 16
    assert refusal(encrypted(head + struct.pack(">I", 99) + b"short")) == "bad_ciphertext"
    assert refusal(encrypted(head + struct.pack(">I", 2**32 - 1) + b"x")) == "bad_ciphertext"
    assert refusal(encrypted(head + b"\0\0")) == "bad_ciphertext"
    assert refusal(encrypted(b"")) == "bad_ciphertext"


def test_every_byte_of_the_padding_counts() -> None:
    """The vendor's own sample looks at the last one only."""
    layout = b"r" * 16 + struct.pack(">I", 5) + b"hello" + CORP.encode()
    count = 32 - len(layout) % 32
    wrong = layout + b"\x01" * (count - 1) + bytes([count])
    key = aes_key(KEY)
    cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    assert refusal(signed(base64.b64encode(cipher.update(wrong)).decode())) == "bad_ciphertext"


@pytest.mark.parametrize("key", ["", KEY[:-1], KEY + "A", "!" * 43, "汉" * 43])
def test_keys_that_are_none(key: str) -> None:
    with pytest.raises(BadKey):
        aes_key(key)
    assert refusal(sealed(), encoding_aes_key=key) == "bad_ciphertext"


def test_keys_whose_last_bits_are_set() -> None:
    assert len(aes_key("a" * 42 + "/")) == 32


@pytest.mark.parametrize("name", ["msg_signature", "timestamp", "nonce"])
def test_each_stamp_is_needed(name: str) -> None:
    query = sealed().query()
    assert stamps(query).nonce == "n0nce"
    for changed in (query | {name: ""}, {k: v for k, v in query.items() if k != name}):
        with pytest.raises(Refused) as caught:
            stamps(changed)
        assert caught.value.reason == "missing_signature"


@pytest.mark.parametrize(
    "query",
    [
        {"echostr": "a+b/c=="},
        {"echostr": "a b/c=="},
        {"__raw__": "nonce=1&echostr=a%2Bb%2Fc%3D%3D"},
        {"__raw__": "nonce=1&echostr=a+b/c=="},
        {"__raw__": "nonce=1&echostr=a%20b/c==", "echostr": "a b/c=="},
    ],
)
def test_a_plus_survives(query: dict[str, str]) -> None:
    request = InboundRequest("GET", "/", query, {}, b"")
    assert parameters(request)["echostr"] == "a+b/c=="
