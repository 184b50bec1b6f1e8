"""What the golden tests of all platforms share: reading a case, asking the adapter, comparing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from apps.im.base import InboundRequest, Received, get_platform

FOLDER = Path(__file__).parents[1] / "golden" / "im"
PREFIXES = ("evt:", "msg:", "upd:", "trg:")


def cases(folder: str) -> list[Path]:
    """The cases of one platform."""
    return sorted((FOLDER / folder).glob("*.json"))


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


def check(case: dict[str, Any], platform: str) -> None:
    """The adapter makes of the request what the case expects."""
    expect = case["expect"]
    received = get_platform(platform).receive(case["config"], request_of(case), case["now"])
    verdict, reason = as_inbox(received, case["prior"])
    assert (verdict, reason) == (expect["verdict"], expect.get("reason"))
    assert received.http_status == expect["http_status"]
    if "response" in expect:
        assert received.response == expect["response"]
    if "parsed" in expect:
        compare(received, dict(expect["parsed"]))


def compare(received: Received, parsed: dict[str, Any]) -> None:
    (message,) = received.messages
    extra = dict(parsed.pop("extra"))
    second = extra.pop("second_dedupe_key", None)
    extra.pop("note", None)
    assert bare(message.dedupe_key) == bare(parsed.pop("dedupe_key"))
    for name, value in parsed.items():
        assert getattr(message, name) == value, name
    assert extra.items() <= message.extra.items()
    if second:
        assert bare(message.second_key) == bare(second)
