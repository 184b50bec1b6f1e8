"""Every golden case of Feishu passes through `receive`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from apps.im.base import InboundRequest, Received, get_platform
from apps.im.ciphers import iv_first_decrypt
from apps.im.feishu_events import cipher_key

CASES = sorted((Path(__file__).parents[1] / "golden" / "im" / "feishu").glob("*.json"))
PREFIXES = ("evt:", "msg:", "upd:")


def load(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return case


def request_of(case: dict[str, Any]) -> InboundRequest:
    asked = case["request"]
    made = asked.get("body_gen")
    text = asked.get("body", "")
    if made:
        text = made["prefix"] + made["fill"] * made["count"] + made["suffix"]
    return InboundRequest(
        asked["method"], asked["path"], asked["query"], asked["headers"], text.encode()
    )


def bare(key: str | None) -> str | None:
    for prefix in PREFIXES:
        if key and key.startswith(prefix):
            return key[len(prefix) :]
    return key


def as_inbox(received: Received, prior: list[str]) -> tuple[str, str | None]:
    """The verdict once the inbox has looked at the keys."""
    known = {bare(key) for key in prior}
    for message in received.messages:
        if bare(message.dedupe_key) in known:
            return "duplicate", "duplicate_event"
        if bare(message.second_key) in known:
            return "duplicate", "duplicate_message"
    return received.verdict, received.reason


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    case = load(path)
    expect = case["expect"]
    if expect["verdict"] == "crypto":
        wrapped = json.loads(case["request"]["body"])["encrypt"]
        plain = iv_first_decrypt(cipher_key(case["config"]["encrypt_key"]), wrapped)
        assert plain.decode() == expect["response"]["plaintext"]
        return
    received = get_platform("feishu").receive(case["config"], request_of(case), case["now"])
    verdict, reason = as_inbox(received, case["prior"])
    assert (verdict, reason) == (expect["verdict"], expect.get("reason"))
    assert received.http_status == expect["http_status"]
    if "response" in expect:
        assert received.response == expect["response"]
    if "parsed" in expect:
        compare(received, dict(expect["parsed"]))


def compare(received: Received, parsed: dict[str, Any]) -> None:
    (message,) = received.messages
    extra = parsed.pop("extra")
    second = extra.pop("second_dedupe_key", None)
    extra.pop("note", None)
    assert bare(message.dedupe_key) == bare(parsed.pop("dedupe_key"))
    for name, value in parsed.items():
        assert getattr(message, name) == value, name
    assert extra.items() <= message.extra.items()
    if second:
        assert bare(message.second_key) == bare(second)


def test_the_cases_are_there() -> None:
    assert len(CASES) >= 18
