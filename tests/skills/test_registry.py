"""Skills are found by lying in the folder; what is wrong with one is said and stops no other."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from apps.skills import builtin, registry
from apps.skills.base import Context, get, lookup, skill
from apps.skills.checks import check_skills
from apps.skills.names import NAME
from apps.skills.testing import ask, context, declared

ALWAYS = {
    "ping", "echo", "help", "whoami", "status", "tasks", "task", "cancel", "retry", "remind",
    "schedule", "approve", "deny", "usage", "new", "lang",
}  # fmt: skip
WITH_MODEL = {"ask", "summarise", "translate", "draft", "extract", "facts", "docs"}
OWN = {"memory"}
#: The assistant's own, which are in no help.
HIDDEN = {"assist", "plan"}
AS_JOBS = {"host", "cleanup", "file", "export", "learn", *WITH_MODEL, *HIDDEN}


def test_every_builtin_skill_is_there_and_nothing_is_wrong() -> None:
    assert set(registry.registry()) == ALWAYS | OWN | AS_JOBS
    assert registry.faults() == []
    assert check_skills() == []


def test_names_and_permissions() -> None:
    for name, one in registry.registry().items():
        assert NAME.fullmatch(name)
        assert one.permission == f"skill.{name}"
        assert one.zh
        assert not one.zh.isascii()
        assert one.summary.zh != one.summary.en


def test_only_what_computes_or_touches_files_makes_a_job() -> None:
    jobs = {n for n, s in registry.registry().items() if not s.quick}
    assert jobs == AS_JOBS
    cleanup = get("cleanup")
    assert cleanup is not None
    assert cleanup.lane == "batch"
    assert {n for n, s in registry.registry().items() if s.lane == "model"} == {
        *WITH_MODEL,
        "assist",
    }


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("help", "help"), ("HELP", "help"), ("帮助", "help"), ("ｈｅｌｐ", "help"),
        ("状态", "status"), ("任务", "tasks"), ("任务详情", "task"), ("取消", "cancel"),
        ("重试", "retry"), ("提醒", "remind"), ("定时", "schedule"), ("审批", "approve"),
        ("批准", "approve"), ("拒绝", "deny"), ("用量", "usage"), ("新会话", "new"),
        ("语言", "lang"), ("主机", "host"), ("清理", "cleanup"), ("我是谁", "whoami"),
        ("回显", "echo"),
    ],
)  # fmt: skip
def test_every_name_in_both_languages(word: str, name: str) -> None:
    found = lookup(word)
    assert found is not None
    assert found.name == name


def test_an_unknown_word_is_nothing() -> None:
    assert lookup("nothing_of_the_kind") is None
    assert lookup("") is None


def hello(ctx: Context) -> str:
    """A first skill."""
    return "hello"


def other(ctx: Context) -> str:
    """A second skill."""
    return "other"


@pytest.mark.parametrize("options", [{"name": "ping"}, {"zh": "帮助"}, {"aliases": ["ＨＥＬＰ"]}])
def test_a_name_that_is_taken_keeps_the_newcomer_out(options: dict[str, str]) -> None:
    with declared():
        skill(**{"name": "other", **options})(other)  # type: ignore[arg-type]
        (fault,) = check_skills()
        assert fault.id == "skills.E002"
        assert fault.is_serious()
        assert "already belongs to apps.skills.builtin" in str(fault.msg)
        assert get("other") is None
        assert ask("ping", context()) == "pong"
    assert check_skills() == []


def test_the_same_function_may_be_declared_again() -> None:
    with declared():
        skill(name="hello", zh="你好")(hello)
        skill(name="hello", zh="您好")(hello)
        assert registry.faults() == []
        assert lookup("你好") is None
        assert lookup("您好") is not None


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another package on the path, whose skills are declared for this test only."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


GOOD = """
from __future__ import annotations
from apps.skills.base import Context, skill

@skill(zh="来自别处")
def elsewhere(ctx: Context) -> str:
    return "from elsewhere"
"""


def reload_with(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Load everything once more, with entry points of these modules."""
    points = [EntryPoint(name, name, registry.GROUP) for name in modules]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    monkeypatch.setattr(registry._shelf, "loaded", False)


def test_an_entry_point_of_another_package_is_a_skill(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "their_skill.py").write_text(GOOD, encoding="utf-8")
    with declared():
        reload_with(monkeypatch, "their_skill")
        assert ask("elsewhere", context()) == "from elsewhere"
    sys.modules.pop("their_skill", None)


def test_a_file_in_the_folder_is_a_skill(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package / "elsewhere_too.py").write_text(GOOD.replace("elsewhere", "lying_here"), "utf-8")
    monkeypatch.setattr(builtin, "__path__", [*builtin.__path__, str(package)])
    with declared():
        reload_with(monkeypatch)
        assert ask("lying_here", context()) == "from lying_here"


def test_a_broken_file_is_named_and_stops_no_other(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "broken_skill.py").write_text("import nothing_of_the_kind\n", encoding="utf-8")
    (package / "wrong_skill.py").write_text(
        GOOD.replace("ctx: Context", "ctx: Context, *words: str"), encoding="utf-8"
    )
    (package / "their_skill.py").write_text(GOOD, encoding="utf-8")
    with declared():
        reload_with(monkeypatch, "broken_skill", "their_skill", "wrong_skill")
        said = [(fault.id, str(fault.msg)) for fault in check_skills()]
        assert [what[0] for what in said] == ["skills.E001", "skills.E001"]
        assert said[0][1].startswith("broken_skill: ModuleNotFoundError")
        assert said[1][1].startswith("wrong_skill: DeclarationError")
        assert get("elsewhere") is not None
    sys.modules.pop("their_skill", None)


def test_who_asks_while_the_skills_are_loaded_waits_for_all_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began, go_on = threading.Event(), threading.Event()
    original = registry._import_all

    def slowly() -> None:
        began.set()
        assert go_on.wait(10)
        original()

    with declared():
        monkeypatch.setattr(registry, "_import_all", slowly)
        monkeypatch.setattr(registry._shelf, "loaded", False)
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(registry.registry)
            assert began.wait(10)
            second = pool.submit(registry.registry)
            assert not second.done()
            go_on.set()
            assert len(first.result(10)) == len(second.result(10)) == len(ALWAYS | OWN | AS_JOBS)
