"""Every golden case of Feishu passes through `receive`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from apps.im.ciphers import iv_first_decrypt
from apps.im.feishu_events import cipher_key
from tests.im import golden

CASES = golden.cases("feishu")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    case = golden.load(path)
    expect = case["expect"]
    if expect["verdict"] != "crypto":
        golden.check(case, "feishu")
        return
    wrapped = json.loads(case["request"]["body"])["encrypt"]
    plain = iv_first_decrypt(cipher_key(case["config"]["encrypt_key"]), wrapped)
    assert plain.decode() == expect["response"]["plaintext"]


def test_the_cases_are_there() -> None:
    assert len(CASES) >= 18
