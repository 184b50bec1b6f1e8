"""Every golden case of Telegram passes through `receive`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.im.golden import cases, check, load

CASES = cases("telegram")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    check(load(path), "telegram")


def test_the_cases_are_there() -> None:
    assert len(CASES) >= 14
