"""Platforms are found by lying in a folder; what is wrong with one is said by its name."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from apps.core import plugins
from apps.core.plugins import Found, find
from apps.im import checks
from apps.im.base import Platform, UnknownPlatform, all_platforms, get_platform

GOOD = """
from apps.core.i18n import both
from apps.im.base import Platform

class One(Platform):
    name = "{name}"
    labels = both("一", "one")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An empty package of platforms."""
    folder = tmp_path / "some_platforms"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [n for n in sys.modules if n.startswith("some_platforms")]:
        monkeypatch.delitem(sys.modules, name)
    return __import__("some_platforms")


def add(package: ModuleType, module: str, text: str) -> None:
    assert package.__file__
    Path(package.__file__).with_name(f"{module}.py").write_text(text)


def no_entry_points(monkeypatch: pytest.MonkeyPatch, *points: EntryPoint) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: list(points))


def test_the_shipped_platforms_are_there() -> None:
    assert {"feishu", "webhook", "web", "cli"} <= set(all_platforms())
    assert all(platform.name == name for name, platform in all_platforms().items())
    assert checks.platforms_are_sound() == []


def test_each_platform_declares_itself() -> None:
    for platform in all_platforms().values():
        settings = platform.all_settings()
        names = [setting.name for setting in settings]
        assert names[0] == "api_base"
        assert len(names) == len(set(names))
        for text in (platform.labels, *(setting.label for setting in settings)):
            assert text.zh
            assert text.en


def test_an_unknown_name_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(UnknownPlatform) as caught:
        get_platform("icq")
    assert "feishu" in caught.value.text("en")
    assert "icq" in caught.value.text("zh-hans")


def test_a_file_in_the_folder_is_a_platform(
    package: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_entry_points(monkeypatch)
    add(package, "one", GOOD.format(name="one"))
    add(package, "_private", "raise RuntimeError")
    found = find(package, "x", Platform)
    assert set(found.named) == {"one"}
    assert found.problems == []


def test_a_broken_module_is_named_and_the_others_live(
    package: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_entry_points(monkeypatch)
    add(package, "broken", "import nothing_of_that_name")
    add(package, "one", GOOD.format(name="one"))
    found = find(package, "x", Platform)
    assert set(found.named) == {"one"}
    (problem,) = found.problems
    assert "some_platforms.broken" in problem
    assert "nothing_of_that_name" in problem


def test_a_name_taken_twice_is_a_system_check_error(
    package: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_entry_points(monkeypatch)
    add(package, "one", GOOD.format(name="same"))
    add(package, "two", GOOD.format(name="same"))
    found = find(package, "x", Platform)
    assert type(found.named["same"]).__module__ == "some_platforms.one"
    monkeypatch.setattr(checks, "registry", lambda: found)
    (error,) = checks.platforms_are_sound()
    assert error.id == "im.E001"
    assert "some_platforms.one" in error.msg
    assert "some_platforms.two" in error.msg


def test_another_package_brings_platforms_by_entry_points(
    package: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(package, "_one", GOOD.format(name="outer"))
    add(package, "_two", GOOD.format(name="whole"))
    no_entry_points(
        monkeypatch,
        EntryPoint("outer", "some_platforms._one:One", "x"),
        EntryPoint("whole", "some_platforms._two", "x"),
        EntryPoint("lost", "some_platforms._three:One", "x"),
    )
    found = find(package, "x", Platform)
    assert set(found.named) == {"outer", "whole"}
    assert len(found.problems) == 1
    assert "lost" in found.problems[0]


def test_what_a_module_imports_is_not_its_own() -> None:
    class Mine(Platform):
        name = "mine"

    module = ModuleType("some.where")
    module.Mine = Mine  # type: ignore[attr-defined]
    registry = Found(Platform)
    registry.add_module(module)
    assert registry.named == {}
