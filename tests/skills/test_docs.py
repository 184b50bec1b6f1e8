"""The documentation's example is a skill, and its test passes: in both languages of the page."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from apps.assistant.understand import Asker, understand
from apps.skills.base import skill
from apps.skills.names import NAME
from apps.skills.testing import NOW, SHANGHAI, FakeRights, declared

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ["skills.md", "skills.zh-CN.md"]
ASKER = Asker(1, FakeRights(), "en", NOW, SHANGHAI)


def blocks(page: str) -> list[str]:
    """The Python of a page, piece by piece."""
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def run(code: str, name: str) -> dict[str, Any]:
    """Execute a piece as a module of that name."""
    module = ModuleType(name)
    exec(compile(code, name, "exec"), module.__dict__)  # noqa: S102 - our own documentation
    return module.__dict__


@pytest.mark.parametrize("page", PAGES)
def test_the_example_and_its_test(page: str) -> None:
    example, test = blocks(page)
    with declared():
        run(example, "coffee")
        tests = [call for name, call in run(test, "test_coffee").items() if name.startswith("test")]
        assert len(tests) == 2
        for one in tests:
            one()


@pytest.mark.parametrize("page", PAGES)
def test_what_the_table_says_somebody_types(page: str) -> None:
    with declared():
        run(blocks(page)[0], "coffee")
        for text in (
            "/coffee 2",
            "／ｃｏｆｆｅｅ　２",
            "/咖啡 2",
            "/latte 2",
            "来2杯咖啡",
            "bring 2 coffees",
        ):
            found = understand(text, ASKER)
            assert found.skill is not None, text
            assert (found.skill.name, found.parameters) == ("coffee", {"cups": 2}), text
        found = understand("/coffee 2 large no  sugar", ASKER)
        assert found.parameters == {"cups": 2, "size": "large", "note": "no  sugar"}
        assert understand("/coffee 杯数=2 --size 大", ASKER).parameters == {
            "cups": 2,
            "size": "large",
        }
        missing = understand("/coffee", ASKER).missing
        assert missing is not None
        assert missing.question.en == "How many cups?"
        problem = understand("/coffee many", ASKER).problem
        assert problem is not None
        assert problem.en == "cups: must be a whole number"
        assert problem.zh == "杯数：要是一个整数"
        assert understand("/cofee 2", ASKER).offers[0].cmd == "/coffee 2"


def test_both_pages_hold_the_same_example() -> None:
    assert blocks(PAGES[0]) == blocks(PAGES[1])


@pytest.mark.parametrize("page", PAGES)
def test_the_options_are_those_of_the_decorator(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    table = text.partition("`@skill`")[2].partition("\n## ")[0]
    cells = " ".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    documented = set(re.findall(r"`([^`]*)`", cells))
    assert documented == set(skill.__annotations__) - {"return"}
    assert all(NAME.fullmatch(name) for name in documented)
