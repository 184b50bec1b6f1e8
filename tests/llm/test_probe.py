"""Checking a model step by step."""

from __future__ import annotations

from typing import Any

import pytest

from apps.llm.finding import Finding
from apps.llm.probe import check
from apps.simulate.model import ModelStand, Reply, Said, calls
from apps.simulate.model_vendors import openai_error
from tests.llm.asking import target

STEPS = ["reachable", "key", "chat", "streaming", "tools", "schema", "reasoning", "usage", "speed"]
WEATHER = calls(("report_weather", {"city": "Beijing"}))
GOOD: list[Said] = [
    Reply({"reasoning_content": "hm", "content": "pong"}),
    Reply("1, 2, 3", pause_s=0.01),
    WEATHER,
    '{"answer": true}',
]


def found(findings: list[Finding]) -> dict[str, bool | None]:
    for finding in findings:
        assert finding.text.zh
        assert finding.text.en
    return {finding.name: finding.ok for finding in findings}


def test_a_good_model_passes_every_step(stand: ModelStand) -> None:
    stand.answers = list(GOOD)
    findings = list(check(target(stand)))
    assert [finding.name for finding in findings] == STEPS
    assert found(findings) == dict.fromkeys(STEPS, True)
    assert "pong" in findings[2].text.zh


def test_findings_come_one_by_one(stand: ModelStand) -> None:
    running = check(target(stand))
    assert next(running).name == "reachable"
    assert not stand.asked


def test_an_address_where_nobody_is(stand: ModelStand) -> None:
    stand.go_down()
    findings = list(check(target(stand)))
    assert found(findings) == {"reachable": False} | dict.fromkeys(STEPS[2:])
    assert "防火墙" in findings[0].text.zh
    assert findings[1].text.en.startswith("Not looked at")


@pytest.mark.parametrize(("key", "told"), [("", "none is set"), ("sk-wrong-0123", "not accepted")])
def test_a_key_that_is_missing_or_wrong(stand: ModelStand, key: str, told: str) -> None:
    findings = list(check(target(stand, key=key)))
    by_name = {finding.name: finding for finding in findings}
    assert by_name["reachable"].ok
    assert by_name["key"].ok is False
    assert told in by_name["key"].text.en
    assert by_name["tools"].ok is None
    assert "sk-wrong" not in str(findings)


def test_a_key_that_is_none(stand: ModelStand) -> None:
    result = found(list(check(target(stand, key="请填写密钥"))))
    assert result == {"key": False} | dict.fromkeys(STEPS[2:])


def test_a_model_that_is_not_there(stand: ModelStand) -> None:
    where = target(stand)
    stand.models.clear()
    by_name = {finding.name: finding for finding in check(where)}
    assert by_name["key"].ok is None
    assert by_name["chat"].ok is False
    assert "does not exist" in by_name["chat"].text.zh
    assert where.model in by_name["chat"].text.zh.partition("请核对模型名")[2]
    assert by_name["chat"].text.zh.count("model_not_found") == 2  # the reason, and the detail


def test_tools_that_come_as_json_only(stand: ModelStand) -> None:
    def answer(body: dict[str, Any]) -> Said:
        if "tools" in body:
            return "I like the weather."
        if "skill" in str(body.get("response_format")):
            return '{"skill": "report_weather", "arguments": {"city": "Beijing"}}'
        return '{"answer": true}'

    stand.answer = answer
    by_name = {finding.name: finding for finding in check(target(stand))}
    assert by_name["tools"].ok
    assert "weak_tools" in by_name["tools"].text.zh
    by_name = {finding.name: finding for finding in check(target(stand, weak_tools=True))}
    assert "weak_tools" not in by_name["tools"].text.zh


def test_what_a_model_cannot_do_is_named(stand: ModelStand) -> None:
    stand.answer = "nonsense"
    findings = list(check(target(stand)))
    assert found(findings) == {
        "reachable": True, "key": True, "chat": True, "streaming": True, "tools": False,
        "schema": False, "reasoning": None, "usage": True, "speed": True,
    }  # fmt: skip


def test_a_stream_that_fails_costs_the_speed_only(stand: ModelStand) -> None:
    stand.answers = [*GOOD[:1], openai_error(500, "no streams today"), *GOOD[2:]]
    result = found(list(check(target(stand))))
    assert result["streaming"] is False
    assert result["tools"] is True
    assert result["speed"] is None


def test_usage_that_is_not_told(stand: ModelStand) -> None:
    stand.answers = [Reply("pong", usage=False), *GOOD[1:]]
    assert found(list(check(target(stand))))["usage"] is None


def test_bad_quirks_and_old_addresses_are_told_first(stand: ModelStand) -> None:
    findings = list(check(target(stand, nonsense=1)))
    assert [(finding.name, finding.ok) for finding in findings] == [("reachable", False)]
    old = list(check(target(stand, "tencent", "hunyuan-lite")))
    assert "hy3" in old[0].text.zh


def test_an_embedding_model(stand: ModelStand) -> None:
    findings = list(check(target(stand), "embedding"))
    assert found(findings) == dict.fromkeys(["reachable", "key", "embedding", "speed"], True)
    assert "64" in findings[2].text.en
    broken = {one.name: one.ok for one in check(target(stand, key="x"), "embedding")}
    assert broken == {"reachable": True, "key": False, "embedding": None, "speed": None}
