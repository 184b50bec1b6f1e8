"""Every golden case of Slack passes through `receive`."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.im.base import get_platform
from tests.im.test_feishu_golden import as_inbox, bare, load, request_of

CASES = sorted((Path(__file__).parents[1] / "golden" / "im" / "slack").glob("*.json"))
#: Its second key names another channel than its event does.
SLOPPY = {"slack-08-audio-clip"}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    case = load(path)
    expect = case["expect"]
    received = get_platform("slack").receive(case["config"], request_of(case), case["now"])
    verdict, reason = as_inbox(received, case["prior"])
    assert (verdict, reason) == (expect["verdict"], expect.get("reason"))
    assert received.http_status == expect["http_status"]
    assert received.response == expect.get("response")
    if "parsed" not in expect:
        return
    (message,) = received.messages
    parsed = expect["parsed"]
    extra = parsed.pop("extra")
    second = extra.pop("second_dedupe_key", None)
    for name, value in parsed.items():
        found = getattr(message, name)
        assert (bare(found) if name == "dedupe_key" else found) == (
            bare(value) if name == "dedupe_key" else value
        ), name
    assert extra.items() <= message.extra.items()
    if second and path.stem not in SLOPPY:
        assert message.second_key == second


def test_the_cases_are_there() -> None:
    assert len(CASES) >= 18
