"""Every golden case of DingTalk passes through `receive`; what is altered does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.im import golden

CASES = golden.cases("dingtalk")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    golden.check(golden.load(path), "dingtalk")


def test_the_cases_are_there() -> None:
    assert len(CASES) >= 16
