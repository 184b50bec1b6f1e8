"""Secrets: they open with any configured key at their own place, and nowhere else."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from apps.core import crypto
from apps.core.crypto import Secret, SecretError

OLD = "old-key-" + "o" * 32
NEW = "new-key-" + "n" * 32
AAD = "im_bot|7|app_secret"


@pytest.fixture(autouse=True)
def one_key(settings: Settings) -> None:
    settings.CLAWDBOT_SECRET_KEYS = [OLD]


TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(plain=TEXT, aad=TEXT)
def test_a_secret_comes_back(plain: str, aad: str) -> None:
    token = crypto.encrypt(plain, aad)
    assert token.isascii()
    assert crypto.decrypt(token, aad) == plain


@given(plain=TEXT, aad=TEXT, other=TEXT)
def test_a_secret_opens_only_at_its_place(plain: str, aad: str, other: str) -> None:
    token = crypto.encrypt(plain, aad)
    if other != aad:
        with pytest.raises(SecretError, match="another row or field"):
            crypto.decrypt(token, other)


@given(st.data())
def test_a_changed_token_never_opens(data: st.DataObject) -> None:
    token = crypto.encrypt("app-secret", AAD)
    at = data.draw(st.integers(0, len(token) - 1))
    changed = data.draw(
        st.sampled_from([token[:at] + c + token[at + 1 :] for c in "Aa0_-.=\n é"])
        | st.just(token[:at])
        | st.just(token + token[at])
    )
    if changed != token:
        with pytest.raises(SecretError):
            crypto.decrypt(changed, AAD)


def test_a_token_has_one_spelling_only() -> None:
    token = crypto.encrypt("app-secret", AAD)
    # 26 bytes leave two bits of the last character unused: another spelling of the same bytes.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = token[:-1] + alphabet[alphabet.index(token[-1]) + 1]
    for spelling in (other, token + "=", token + "\n", token.replace(".", "..", 1)):
        with pytest.raises(SecretError, match="unknown form"):
            crypto.decrypt(spelling, AAD)


@given(st.text())
def test_garbage_is_a_secret_error(garbage: str) -> None:
    for call in (crypto.rewrap, crypto.needs_rewrap, lambda t: crypto.decrypt(t, AAD)):
        with pytest.raises(SecretError):
            call(garbage)


def test_equal_secrets_look_different() -> None:
    assert crypto.encrypt("same", AAD) != crypto.encrypt("same", AAD)


def test_rotation_rewraps_without_touching_the_ciphertext(settings: Settings) -> None:
    token = crypto.encrypt("app-secret", AAD)
    assert not crypto.needs_rewrap(token)
    assert crypto.rewrap(token) == token

    settings.CLAWDBOT_SECRET_KEYS = [NEW, OLD]
    assert crypto.decrypt(token, AAD) == "app-secret"
    assert crypto.needs_rewrap(token)
    moved = crypto.rewrap(token)
    assert not crypto.needs_rewrap(moved)
    assert moved.split(".")[4:] == token.split(".")[4:]
    assert crypto.encrypt("x", AAD).split(".")[2] == moved.split(".")[2]

    settings.CLAWDBOT_SECRET_KEYS = [NEW]
    assert crypto.decrypt(moved, AAD) == "app-secret"
    with pytest.raises(SecretError, match="no configured key has the id"):
        crypto.decrypt(token, AAD)
    with pytest.raises(SecretError, match="no configured key has the id"):
        crypto.rewrap(token)


def test_a_wrapped_key_of_another_secret_does_not_fit() -> None:
    one, two = (crypto.encrypt(plain, AAD).split(".") for plain in ("one", "two"))
    with pytest.raises(SecretError):
        crypto.decrypt(".".join([*one[:3], two[3], *one[4:]]), AAD)


@pytest.mark.parametrize("configured", [[], ["short"], [OLD, "short"]])
def test_missing_or_short_keys_are_refused(settings: Settings, configured: list[str]) -> None:
    settings.CLAWDBOT_SECRET_KEYS = configured
    with pytest.raises(SecretError, match="CLAWDBOT_SECRET_KEYS"):
        crypto.encrypt("x", AAD)


def test_errors_do_not_tell_the_secret() -> None:
    token = crypto.encrypt("canary-4711", AAD)
    with pytest.raises(SecretError) as caught:
        crypto.decrypt(token, "elsewhere")
    assert "canary" not in str(caught.value)
    assert "another row" in caught.value.text("zh-hans")


@given(data=st.binary(), other=st.binary())
def test_a_tag_fits_its_data_and_purpose_only(data: bytes, other: bytes) -> None:
    tag = crypto.mac(data, "audit")
    assert crypto.mac_ok(data, "audit", tag)
    assert not crypto.mac_ok(data, "approval", tag)
    assert crypto.mac_ok(other, "audit", tag) is (other == data)


@pytest.mark.parametrize("tag", ["", ":", "x", "x:y", "é:é", ":" + "0" * 64])
def test_broken_tags_do_not_fit(tag: str) -> None:
    assert not crypto.mac_ok(b"data", "audit", tag)


def test_tags_outlive_rotation_until_the_key_is_gone(settings: Settings) -> None:
    tag = crypto.mac(b"data", "audit")
    settings.CLAWDBOT_SECRET_KEYS = [NEW, OLD]
    assert crypto.mac_ok(b"data", "audit", tag)
    new_kid = crypto.mac(b"data", "audit").split(":")[0]
    assert not crypto.mac_ok(b"data", "audit", f"{new_kid}:{tag.split(':')[1]}")
    settings.CLAWDBOT_SECRET_KEYS = [NEW]
    assert not crypto.mac_ok(b"data", "audit", tag)


def test_a_secret_hides_itself() -> None:
    secret = Secret("canary-4711")
    shown = f"{secret} {secret!r} {[secret]} {'%s' % secret}"  # noqa: UP031
    assert "canary" not in shown
    assert "***" in shown
    assert secret.reveal() == "canary-4711"
    assert not hasattr(secret, "__dict__")


def test_a_secret_is_not_copied_or_pickled() -> None:
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            attempt(Secret("x"))


def test_secrets_compare_and_know_emptiness() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("x")
    assert not Secret("")
    assert str(Secret("")) == ""


def test_tokens_are_stored_as_hashes() -> None:
    one, two = crypto.token(), crypto.token()
    assert one != two
    assert len(one) == 43
    assert crypto.hash_token(one) != crypto.hash_token(two)
    assert crypto.hash_token("a") == (
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    )


def test_the_django_secret_follows_the_first_key() -> None:
    assert crypto.django_secret([OLD, NEW]) == crypto.django_secret([OLD])
    assert crypto.django_secret([OLD]) != crypto.django_secret([NEW])
    assert len(crypto.django_secret([OLD])) >= 50


def test_showing_a_secret_shows_little() -> None:
    assert crypto.last4("sk-0123456789abcdef") == "***cdef"
    assert crypto.last4("short") == "***"
    assert crypto.fingerprint("a") == crypto.fingerprint("a")
    assert crypto.fingerprint("a") != crypto.fingerprint("b")


def test_derived_keys_are_pinned(settings: Settings) -> None:
    """A change of derivation would lock every installation out of its secrets."""
    assert crypto.mac(b"data", "audit") == PINNED_MAC
    assert crypto.decrypt(PINNED_TOKEN, AAD) == "app-secret"


PINNED_MAC = "44fdf2d67400:03e4625468d7c76e74c56f69a9e1156dc35b2f0dbb1b3e522b4aeb063dcd7226"
PINNED_TOKEN = (
    "v1.A256GCM.44fdf2d67400"
    ".psq9LsRgMEoSCKX6yyoJPMCK-jkrR4e-1zrLH3LxdlpoBXCJm9TRgjlLzN5KxCjx285Ebqf3sxLR5FCm"
    ".SsHzHXq0sVyAzE3J.spcau151dWu-RI8eW458qgPqyYdwmgQVPUs"
)
