"""Our crypto against wechatpy's, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.im.wecom_crypto import Stamps, open_sealed, seal

crypto = pytest.importorskip("wechatpy.enterprise.crypto")

NOW = 1795330800
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", min_size=1, max_size=20)
#: 43 characters; the last two bits of the last one are always clear in a key that WeCom makes.
keys = st.text("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", min_size=42, max_size=42).map(
    lambda text: text + "A"
)
# An XML parser stands between the two: what it takes for white space or a mark is not the matter.
words = st.text(
    st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=80
).filter(lambda text: "]]>" not in text)


@settings(max_examples=200, deadline=None)
@given(names, keys, names, names, words)
def test_what_it_seals_we_open(token: str, key: str, corp: str, nonce: str, text: str) -> None:
    theirs = crypto.WeChatCrypto(token, key, corp)
    envelope = theirs.encrypt_message(text, nonce, str(NOW))
    fields = {
        name: envelope.split(f"<{name}>")[1].split(f"</{name}>")[0]
        for name in ("Encrypt", "MsgSignature", "TimeStamp", "Nonce")
    }
    bare = {
        name: value.replace("<![CDATA[", "").replace("]]>", "") for name, value in fields.items()
    }
    config = {"token": token, "encoding_aes_key": key}
    stamped = Stamps(bare["MsgSignature"], bare["TimeStamp"], bare["Nonce"])
    assert open_sealed(config, stamped, bare["Encrypt"], corp, NOW).decode() == text


@settings(max_examples=200, deadline=None)
@given(names, keys, names, names, words)
def test_what_we_seal_it_opens(token: str, key: str, corp: str, nonce: str, text: str) -> None:
    config = {"token": token, "encoding_aes_key": key}
    inner = text.encode()
    envelope = seal(config, inner, corp, timestamp=str(NOW), nonce=nonce)
    body = f"<xml><Encrypt><![CDATA[{envelope.encrypt}]]></Encrypt></xml>"
    theirs = crypto.WeChatCrypto(token, key, corp)
    opened = theirs.decrypt_message(body, envelope.signature, envelope.timestamp, envelope.nonce)
    assert opened == text
    echo = theirs.check_signature(
        envelope.signature, envelope.timestamp, envelope.nonce, envelope.encrypt
    )
    assert (echo if isinstance(echo, str) else echo.decode()) == text


@settings(max_examples=50, deadline=None)
@given(names, keys, names)
def test_it_finds_our_forgeries(token: str, key: str, corp: str) -> None:
    config = {"token": token, "encoding_aes_key": key}
    envelope = seal(config, b"x", corp, timestamp=str(NOW), nonce="1")
    theirs = crypto.WeChatCrypto(token, key, corp + "2")
    with pytest.raises(Exception, match=r"corp|AppId|appid|id|Invalid"):
        theirs.check_signature(
            envelope.signature, envelope.timestamp, envelope.nonce, envelope.encrypt
        )
