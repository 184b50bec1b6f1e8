"""What happens to due times that nobody was there for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apps.schedules.policy import verdicts

NOW = datetime(2026, 11, 22, 10, 0, 30, tzinfo=UTC)


def ago(*minutes: float) -> list[datetime]:
    """Due times so many minutes before now."""
    return [NOW - timedelta(minutes=m) for m in minutes]


@pytest.mark.parametrize(
    ("missed", "late_by", "fires"),
    [
        ("skip", [0.5], [True]),
        ("once", [0.5], [True]),
        ("all", [0.5], [True]),
        ("skip", [30], [False]),
        ("once", [30], [True]),
        ("all", [30], [True]),
        ("skip", [90, 30, 0.5], [False, False, True]),
        ("once", [90, 50, 30, 0.5], [False, False, False, True]),
        ("once", [90, 50, 30], [False, False, True]),
        ("all", [90, 50, 30, 0.5], [False, True, True, True]),
        ("once", [90], [False]),
        ("all", [90], [False]),
    ],
)
def test_the_policy_with_a_window_of_an_hour(
    missed: str, late_by: list[float], fires: list[bool]
) -> None:
    found = verdicts(ago(*late_by), NOW, missed, 3600)
    assert [due for due, _ in found] == ago(*late_by)
    assert [runs for _, runs in found] == fires


def test_what_is_on_time_fires_with_any_window() -> None:
    assert verdicts(ago(0.9), NOW, "once", 0) == [(ago(0.9)[0], True)]
    assert verdicts(ago(1.1), NOW, "all", 0) == [(ago(1.1)[0], False)]
