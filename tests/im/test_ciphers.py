"""AES-CBC with a padding that is looked at to its last byte."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.im.ciphers import (
    BadCiphertext,
    cbc_decrypt,
    cbc_encrypt,
    iv_first_decrypt,
    iv_first_encrypt,
    pad,
    unbase64,
    unpad,
)

KEY = bytes(range(32))
IV = bytes(range(16))


@given(st.binary(max_size=200), st.sampled_from([16, 32]))
def test_what_was_encrypted_comes_back(plain: bytes, block: int) -> None:
    sealed = cbc_encrypt(KEY, IV, plain, block=block)
    assert cbc_decrypt(KEY, IV, sealed, block=block) == plain


@given(st.binary(min_size=1, max_size=64))
def test_unpad_takes_only_what_pad_makes(padded: bytes) -> None:
    try:
        plain = unpad(padded)
    except BadCiphertext:
        return
    count = padded[-1]
    assert 1 <= count <= 16
    assert padded == plain + bytes([count]) * count


@pytest.mark.parametrize(
    "padded",
    [
        b"",
        b"x" * 15 + b"\x00",
        b"x" * 15 + b"\x11",
        b"\x03",
        b"x" * 12 + b"\x01\x04\x04\x04",
        b"x" * 13 + b"\x02\x03\x03",
        b"x" * 15 + b"\xff",
    ],
)
def test_wrong_padding_is_refused(padded: bytes) -> None:
    with pytest.raises(BadCiphertext):
        unpad(padded)


def test_a_whole_block_of_padding_is_right() -> None:
    assert unpad(pad(b"x" * 16)) == b"x" * 16


@pytest.mark.parametrize(
    "text",
    ["", "!!!!", "YWJj YWJj", "YWJjZGVm\n", "YWJ", base64.b64encode(b"x" * 15).decode(),
     base64.b64encode(b"x" * 16).decode(), base64.b64encode(b"x" * 40).decode()],
)  # fmt: skip
def test_no_whole_blocks_after_the_iv(text: str) -> None:
    with pytest.raises(BadCiphertext):
        iv_first_decrypt(KEY, text)


def test_the_url_alphabet_is_not_the_standard_one() -> None:
    with pytest.raises(BadCiphertext):
        unbase64("-_-_")


def test_two_sealed_texts_differ() -> None:
    assert iv_first_encrypt(KEY, b"hello") != iv_first_encrypt(KEY, b"hello")
