"""The published table says what the stored results say, in both languages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.faults import cases, report
from tests.faults.case import CASES
from tests.faults.site import EMBEDDED, REDIS

assert cases  # declares them


def row(case: str, setup: str, **more: Any) -> dict[str, Any]:
    found = {"case": case, "setup": setup, "accepted": 500, "lost": 0, "twice": 0}
    return found | {"recovery_s": 1.5, "verdict": "passed", "breaches": [], "figures": {}} | more


@pytest.fixture
def results(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results.json")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_documents_have_the_table_of_the_results(language: str) -> None:
    text = report.DOCUMENTS[language].read_text()
    assert report.replaced(text, report.table(language)) == text


def test_later_results_replace_earlier_ones_and_keep_the_others(results: None) -> None:
    report.merge([row("F3", REDIS, lost=1, verdict="failed"), row("F1", REDIS)])
    kept = report.merge([row("F3", REDIS), row("F1", EMBEDDED)])
    assert [(r["case"], r["setup"], r["lost"]) for r in kept] == [
        ("F1", EMBEDDED, 0), ("F1", REDIS, 0), ("F3", REDIS, 0)
    ]  # fmt: skip
    assert json.loads(report.RESULTS.read_text())["rows"] == kept


def test_the_bound_is_the_rule_of_three(results: None) -> None:
    report.merge([row("F1", REDIS, accepted=20_000)])
    text = report.table("en")
    assert "20,000 messages accepted, 0 lost, 0 answered or done twice" in text
    assert "at most 1.5 in 10,000" in text


def test_there_is_no_bound_once_something_was_lost(results: None) -> None:
    report.merge([row("F1", REDIS, lost=1, verdict="failed")])
    text = report.table("en")
    assert "rule of three" not in text
    assert "**failed** 500 / 1 / 0" in text


def test_what_was_not_run_is_no_pass(results: None) -> None:
    report.merge([row("F16", REDIS, verdict="not run: only root", accepted=0), row("F1", REDIS)])
    line = next(line for line in report.table("en").splitlines() if line.startswith("| F16"))
    assert line.count("not run") == 3
    assert "1 runs, 1 passed" in report.table("en")


def test_every_case_has_a_title_in_both_languages_and_a_reason_for_what_it_leaves_out() -> None:
    for case in CASES.values():
        assert case.title
        assert case.title_zh
        assert bool(case.why_not) == (len(case.setups) < 3), case.name


def test_every_fault_of_the_plan_is_run_or_named_as_not_yet_run() -> None:
    told = {*CASES, *report.NOT_YET}
    assert {f"F{n}" for n in range(1, 25)} | {"P1", "P2"} <= told
