"""Cases in the format of ACEBench (made up here, none of its own) asked through our wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.simulate.model import KEY, MODEL, ModelStand, calls
from benchmarks.understanding import ace, ace_table
from benchmarks.understanding.ace import NoCases
from benchmarks.understanding.house import ALIAS, Model, add

SINGLE = "data_normal_single_turn_single_function.json"
PLANTS = {
    "name": "浇花工具",
    "description": "给植物浇水",
    "parameters": {
        "type": "dict",
        "properties": {
            "plant": {"type": "string", "description": "植物"},
            "litres": {"type": "float", "unit": "l"},
            "times": {"type": "array", "items": {"type": "any"}},
        },
        "required": ["plant"],
    },
}
LAMP = {"name": "lamp_switch", "arguments": {"properties": {"on": {"type": "bool"}}}, "tags": []}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clone with one case in each language."""
    put(
        tmp_path / "data_all" / "data_zh",
        {
            "id": "zh_0",
            "question": "user: 给绿萝浇水。\nsystem: 浇多少？\nuser: 半升，早晚各一次。\n",
            "function": [LAMP, PLANTS],
            "time": "今天是2026-11-23。",
        },
        {"浇花工具": {"plant": "绿萝", "litres": 0.5, "times": ["早", "晚"]}},
    )
    put(
        tmp_path / "data" / "en",
        {
            "id": "en_0",
            "question": "user: Both lamps, please: one on, one off.\n",
            "function": [LAMP],
            "profile": {"name": "Ann"},
        },
        [
            {"lamp_switch_1": {"on": True}, "lamp_switch_2": {"on": False}},
            {"lamp_switch": {"on": True}},
        ],
    )
    return tmp_path


def put(folder: Path, case: dict[str, Any], truth: Any) -> None:
    (folder / ace.ANSWERS).mkdir(parents=True)
    (folder / SINGLE).write_text(json.dumps(case, ensure_ascii=False) + "\n", encoding="utf-8")
    answer = {"id": case["id"], "ground_truth": truth}
    (folder / ace.ANSWERS / SINGLE).write_text(json.dumps(answer) + "\n", encoding="utf-8")


@pytest.fixture
def stand(db: None) -> Iterator[ModelStand]:
    with ModelStand() as running:
        add(Model(base_url=running.base_url, model=MODEL, api_key=KEY))
        yield running


def test_cases_become_questions_that_the_wire_takes(folder: Path) -> None:
    english, chinese = ace.load(folder)
    assert [turn.role for turn in chinese.turns] == ["system", "user", "assistant", "user"]
    assert "2026-11-23" in chinese.turns[0].text
    assert [tool.name for tool in chinese.tools] == ["lamp_switch", "tool_1"]
    schema = chinese.tools[1].schema
    assert schema["type"] == "object"
    assert schema["properties"]["litres"] == {"type": "number"}
    assert schema["properties"]["times"] == {"type": "array", "items": {}}
    assert "Ann" in english.turns[0].text
    assert english.expected[0] == [("lamp_switch", {"on": True}), ("lamp_switch", {"on": False})]


def test_functions_and_parameters_are_scored(folder: Path, stand: ModelStand) -> None:
    english, chinese = ace.load(folder)
    water = {"plant": "绿萝", "litres": 0.5, "times": ["早", "晚"]}
    stand.answers = [
        calls(("tool_1", water)),
        calls(("tool_1", {**water, "litres": 5})),
        calls(("lamp_switch", {"on": True})),
        "I would rather not.",
        calls(("lamp_switch", {"on": False}), ("lamp_switch", {"on": True})),
    ]
    cases = [chinese, chinese, chinese, chinese, english]
    scored = [ace_table.ask(case, ALIAS, 10) for case in cases]
    right = [(True, True), (True, False), (False, False), (False, False), (True, True)]
    assert [(one.functions, one.parameters) for one in scored] == right
    lines = {line["group"]: line for line in ace_table.lines(scored)}
    assert (lines["zh all"]["functions"], lines["zh all"]["parameters"]) == (2, 1)
    assert "| en all | 1 | 1 | 1 |" in ace_table.markdown(list(lines.values()))


@pytest.mark.parametrize(
    ("expected", "given", "right"),
    [
        ("New York", "new-york, please", True),
        ("New York", "York", False),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1, 2], [2, 1], False),
        (True, 1, False),
        (False, False, True),
    ],
)
def test_values(expected: Any, given: Any, right: bool) -> None:
    assert ace_table.alike(expected, given) is right


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoCases, match=str(tmp_path)):
        ace.load(tmp_path)
