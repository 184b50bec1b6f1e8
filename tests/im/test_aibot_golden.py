"""Every golden case of WeCom's AI bots passes through `receive`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from apps.im.base import get_platform
from apps.simulate.aibot_seal import Sealer
from tests.im.test_feishu_golden import as_inbox, compare, load, request_of

FOLDER = Path(__file__).parents[1] / "golden" / "im" / "wecom"
CASES = [path for path in sorted(FOLDER.glob("*.json")) if load(path)["mode"] == "aibot"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    case = load(path)
    expect = case["expect"]
    received = get_platform("wecom_aibot").receive(case["config"], request_of(case), case["now"])
    verdict, reason = as_inbox(received, case["prior"])
    assert (verdict, reason) == (expect["verdict"], expect.get("reason"))
    assert received.http_status == expect["http_status"]
    if "parsed" in expect:
        compare(received, dict(expect["parsed"]))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_one_changed_byte_is_refused(path: Path) -> None:
    case = load(path)
    request = request_of(case)
    for at in range(0, len(request.body), 7):
        changed = bytearray(request.body)
        changed[at] ^= 1
        broken = dataclasses.replace(request, body=bytes(changed))
        received = get_platform("wecom_aibot").receive(case["config"], broken, case["now"])
        assert received.verdict == "reject", at


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_same_case_is_answered_the_same(path: Path) -> None:
    case = load(path)
    platform, request = get_platform("wecom_aibot"), request_of(case)
    first = platform.receive(case["config"], request, case["now"])
    assert first == platform.receive(case["config"], request, case["now"])
    sealer = Sealer(case["config"]["token"], case["config"]["encoding_aes_key"])
    answer = sealer.open(json.dumps(first.response).encode(), case["request"]["query"]["nonce"])
    assert answer["msgtype"] == "stream"
    assert answer["stream"]["id"] == first.messages[0].extra["stream_id"]
    assert not answer["stream"]["finish"]


def test_the_cases_are_there() -> None:
    assert len(CASES) >= 4
