"""Every golden case of WeCom's app callback passes through `receive`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.im.base import InboundRequest, Received, get_platform
from tests.im.golden import cases, check, load, request_of

CASES = [path for path in cases("wecom") if load(path)["platform"] == "wecom"]
CASES = [path for path in CASES if load(path)["mode"] == "webhook"]
ACCEPTED = [path for path in CASES if load(path)["expect"]["verdict"] == "accept"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    case = load(path)
    check(case, "wecom")
    received = judged(case, request_of(case))
    if received.verdict == "challenge":
        # The bare word: no quotes, no newline.
        assert received.body == case["expect"]["response"]["text"]
    if received.verdict == "accept":
        assert received.body == ""


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
def test_no_byte_of_an_accepted_push_can_be_changed(path: Path) -> None:
    case = load(path)
    request = request_of(case)
    for at in range(len(request.body)):
        body = bytearray(request.body)
        body[at] ^= 0x01
        changed = InboundRequest(
            request.method, request.path, request.query, request.headers, bytes(body)
        )
        assert judged(case, changed).verdict == "reject", bytes(body)


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", ["msg_signature", "timestamp", "nonce"])
def test_no_character_of_the_stamps_can_be_changed(path: Path, name: str) -> None:
    case = load(path)
    request = request_of(case)
    value = request.query[name]
    for at, letter in enumerate(value):
        other = "1" if letter != "1" else "2"
        query = {**request.query, name: value[:at] + other + value[at + 1 :]}
        changed = InboundRequest("POST", request.path, query, request.headers, request.body)
        assert judged(case, changed).verdict == "reject", query


def judged(case: dict[str, Any], request: InboundRequest) -> Received:
    return get_platform("wecom").receive(case["config"], request, case["now"])


def test_the_cases_are_there() -> None:
    assert len(CASES) >= 12
