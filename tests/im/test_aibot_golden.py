"""Every golden case of WeCom's AI bots passes through `receive`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from apps.im.base import get_platform
from apps.simulate.aibot_seal import Sealer
from tests.im import golden

CASES = [path for path in golden.cases("wecom") if golden.load(path)["mode"] == "aibot"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    golden.check(golden.load(path), "wecom_aibot")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_one_changed_byte_is_refused(path: Path) -> None:
    case = golden.load(path)
    request = golden.request_of(case)
    for at in range(0, len(request.body), 7):
        changed = bytearray(request.body)
        changed[at] ^= 1
        broken = dataclasses.replace(request, body=bytes(changed))
        received = get_platform("wecom_aibot").receive(case["config"], broken, case["now"])
        assert received.verdict == "reject", at


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_same_case_is_answered_the_same(path: Path) -> None:
    case = golden.load(path)
    platform, request = get_platform("wecom_aibot"), golden.request_of(case)
    first = platform.receive(case["config"], request, case["now"])
    assert first == platform.receive(case["config"], request, case["now"])
    sealer = Sealer(case["config"]["token"], case["config"]["encoding_aes_key"])
    answer = sealer.open(json.dumps(first.response).encode(), case["request"]["query"]["nonce"])
    assert answer["msgtype"] == "stream"
    assert answer["stream"]["id"] == first.messages[0].extra["stream_id"]
    assert not answer["stream"]["finish"]


def test_the_cases_are_there() -> None:
    assert len(CASES) >= 4
