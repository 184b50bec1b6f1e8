"""What is kept of a failure holds nothing of a person, and still tells where it happened."""

from __future__ import annotations

import traceback

from apps.core.redact import redact


def test_numbers_passwords_and_keys_are_taken_out() -> None:
    said = "找 13912345678，身份证 11010519491231002X，密码是Zebra#2719"
    assert redact(said) == "找 ***，身份证 ***，密码是***"
    assert redact("key sk-planted7Q2mZ9xK4vB8nT3wL6yR") == "key ***"


def test_what_is_needed_to_mend_it_stays() -> None:
    try:
        raise ConnectionRefusedError("connection to 10.0.0.7 port 5432 refused")
    except ConnectionRefusedError:
        told = traceback.format_exc()
    assert redact(told) == told
