"""The documents say what is so: settings, states, commands, links, and both languages the same."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from apps.assistant.models import Job, Message
from apps.core.metric_names import COUNTERS, GAUGES, HISTOGRAMS
from apps.im.models import Delivery
from clawdbot.settings.env import KNOWN

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
PAIRS = [(path, path.with_suffix(".zh-CN.md")) for path in DOCS if ".zh-CN" not in path.name]
PAIRS = [(english, chinese) for english, chinese in PAIRS if chinese.exists()]
ADDRESSES = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"}
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
PLACE = re.compile(r"`((?:apps|tests|docs|compose|clawdbot|requirements)/[^`* ]*)`")
COMMAND = re.compile(r"manage\.py ([a-z]+(?:[^`#\n]*))")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def rows(path: Path) -> list[list[str]]:
    lines = path.read_text().splitlines()
    return [line.strip("|").split("|") for line in lines if line.startswith("| `")]


@pytest.mark.parametrize("name", ["settings.md", "settings.zh-CN.md"])
def test_every_setting_is_told_once(name: str) -> None:
    found = [re.findall("`([^`]+)`", row[0])[0] for row in rows(ROOT / "docs" / name)]
    assert sorted(found) == sorted(KNOWN | ADDRESSES)


@pytest.mark.parametrize("name", ["architecture.md", "architecture.zh-CN.md"])
def test_every_state_is_told(name: str) -> None:
    text = (ROOT / "docs" / name).read_text()
    for model in (Message, Job, Delivery):
        table = re.search(rf"^\| [^|\n]*{model.__name__} \|.*?\n\n", text, re.M | re.S)
        assert table is not None
        cells = "".join(line.split("|")[1] for line in table[0].splitlines()[2:] if line)
        assert re.findall("`([a-z]+)`", cells) == [state for state, _ in model.STATES]


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_links_lead_somewhere(path: Path) -> None:
    for target, _ in LINK.findall(path.read_text()):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_folders_and_files_that_are_named_exist(path: Path) -> None:
    text = path.read_text()
    for found in PLACE.findall(text):
        assert (ROOT / found).exists() or "skills" in path.name, found  # whose files are to be made


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_commands_are_commands(path: Path) -> None:
    known = get_commands()
    for line in COMMAND.findall(path.read_text()):
        words = shlex.split(line.strip())
        if words[0] not in known:
            assert words == ["up"] or words[0] in {"COMMAND"}, line
            continue
        parser = load_command_class(known[words[0]], words[0]).create_parser("manage.py", words[0])
        if not {"COMMAND", "VERB"} & set(words):
            parser.parse_args(["7" if word == "ID" else word for word in words[1:]])


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_make_targets_exist(path: Path) -> None:
    there = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    asked = set(re.findall(r"(?:^|`)make ((?:[a-z]+ ?)+)", path.read_text(), re.M))
    assert {word for words in asked for word in words.split()} <= there


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_metrics_exist(path: Path) -> None:
    assert set(re.findall(r"`(clawdbot_[a-z_]+)`", path.read_text())) <= {
        *COUNTERS,
        *HISTOGRAMS,
        *GAUGES,
    }


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=lambda path: path.name)
def test_both_languages_have_the_same_parts(english: Path, chinese: Path) -> None:
    def shape(path: Path) -> tuple[list[str], list[int]]:
        text = FENCE.sub("", path.read_text())
        levels = re.findall(r"^(#+) ", text, re.M)
        return levels, [len(table) for table in re.findall(r"(?:^\|.*\n)+", text, re.M)]

    first, second = shape(english), shape(chinese)
    assert first[0] == second[0]
    assert len(first[1]) == len(second[1])


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=lambda path: path.name)
def test_both_languages_show_the_same_commands(english: Path, chinese: Path) -> None:
    def commands(path: Path) -> list[str]:
        blocks = [body for kind, body in FENCE.findall(path.read_text()) if kind == "sh"]
        return [line.partition(" #")[0].rstrip() for body in blocks for line in body.splitlines()]

    assert commands(english) == commands(chinese)


def test_what_readers_of_chinese_need_is_there_in_chinese() -> None:
    names = {english.name for english, _ in PAIRS}
    assert {"README.md", "settings.md", "operations.md", "architecture.md", "skills.md"} <= names


def test_the_readme_begins_with_three_lines_and_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    first = next(part for part in text.split("\n\n") if part.startswith("ClawdBot is"))
    assert len(first.splitlines()) <= 4
    assert text.index("make run") < text.index("make test") < text.index("## What")
