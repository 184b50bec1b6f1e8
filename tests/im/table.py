"""The table of the platforms in the README, made from the tests that each adapter inherits.

`python -m tests.im.table` prints it; with `--write` it is put into README.md and README.zh-CN.md.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clawdbot.settings.test")
    import django

    django.setup()

from apps.core.i18n import Text, both

if TYPE_CHECKING:
    from tests.im.quality import Bronze

ROOT = Path(__file__).resolve().parents[2]
READMES = {"en": ROOT / "README.md", "zh-hans": ROOT / "README.zh-CN.md"}
BEGIN, END = "<!-- platforms -->", "<!-- /platforms -->"
LEVELS = {
    "gold": both("金", "gold"),
    "silver": both("银", "silver"),
    "bronze": both("铜", "bronze"),
}
#: A rule of the scale or a way to connect, and what it is called above its column.
COLUMNS = {
    "mentions": both("群里 @", "mentions in groups"),
    "private": both("群里私下回", "private answers"),
    "buttons": both("按钮", "buttons"),
    "forms": both("表单", "forms"),
    "edits": both("进度原地更新", "progress in place"),
    "voice": both("语音", "voice"),
    "fetches": both("收文件", "files in"),
    "files": both("发文件", "files out"),
    "stream": both("无需公网地址", "without a public address"),
}
GOLD_ONLY = {"buttons", "forms", "edits", "voice", "fetches", "files"}
IN_GROUPS = {"mentions", "private"}
YES, NO = "✓", "–"
PLATFORM = both("平台", "Platform")
LEVEL = both("级别", "Level")


def adapters() -> list[Bronze]:
    """One test object for each adapter that is on the scale, the best first."""
    from tests.im.quality import Bronze

    found: list[Bronze] = []
    for path in sorted(Path(__file__).parent.glob("test_quality_*.py")):
        module = importlib.import_module(f"tests.im.{path.stem}")
        kinds = [kind for kind in vars(module).values() if isinstance(kind, type)]
        own = [kind for kind in kinds if kind.__module__ == module.__name__]
        found += [kind() for kind in own if issubclass(kind, Bronze)]
    return sorted(found, key=lambda one: (list(LEVELS).index(one.level), one.stand.platform))


def table(language: str) -> str:
    """The table with its footnotes, as Markdown."""
    notes: list[str] = []
    heads = [PLATFORM, LEVEL, *COLUMNS.values()]
    lines = ["| " + " | ".join(head.in_(language) for head in heads) + " |"]
    lines.append("|" + "---|" * len(heads))
    for one in adapters():
        name = f"{one.adapter.labels.in_(language)} (`{one.stand.platform}`)"
        cells = [_cell(one, column, language, notes) for column in COLUMNS]
        level = LEVELS[one.level].in_(language)
        lines.append("| " + " | ".join([name, level, *cells]) + " |")
    footnotes = [f"{number}. {note}" for number, note in enumerate(notes, start=1)]
    return "\n".join([*lines, "", *footnotes]).rstrip() + "\n"


def _cell(one: Bronze, column: str, language: str, notes: list[str]) -> str:
    if column == "stream":
        return YES if "stream" in one.adapter.connections else NO
    absent = "groups" in one.not_possible and column in IN_GROUPS
    why = one.not_possible.get("groups" if absent else column)
    if why is not None:
        return f"{NO} {_note(why, language, notes)}"
    if column in GOLD_ONLY and one.level != "gold":
        return NO
    partly = one.limited.get(column)
    return f"{YES} {_note(partly, language, notes)}" if partly else YES


def _note(why: Text, language: str, notes: list[str]) -> str:
    """The number of a footnote; the same words are told once."""
    said = why.in_(language)
    if said not in notes:
        notes.append(said)
    return f"<sup>{notes.index(said) + 1}</sup>"


def with_table(text: str, language: str) -> str:
    """A README with its table as it should be. Raises ValueError without the markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{BEGIN} and {END} are missing")
    return f"{before}{BEGIN}\n\n{table(language)}\n{END}{after}"


def main() -> None:
    """Print the table, or write it."""
    for language, path in READMES.items():
        if "--write" in sys.argv[1:]:
            path.write_text(with_table(path.read_text(encoding="utf-8"), language), "utf-8")
        else:
            print(table(language))


if __name__ == "__main__":
    main()
