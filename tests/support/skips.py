"""In CI everything is installed, so a test that is skipped there has failed."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

SERVICES = (
    *("postgres", "redis", "rabbitmq", "synapse", "llama", "browser", "stack", "faults"),
    "agentdojo",
)


def in_ci() -> bool:
    """Does CI=true hold?"""
    return os.environ.get("CI", "").lower() in {"1", "true"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test that needs a service into a failure that tells the reason."""
    report = yield
    if report.skipped and in_ci() and not hasattr(report, "wasxfail"):
        marks = [name for name in SERVICES if item.get_closest_marker(name)]
        if marks:
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
            report.outcome = "failed"
            report.longrepr = f"CI has everything, yet a test of {', '.join(marks)} said: {why}"
    return report
