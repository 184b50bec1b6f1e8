"""`manage.py skill …`: what can be asked for, and SKILL.md folders that become skills."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from apps.console.cli import ConsoleCommand, Options, Refused, cli_actor, table
from apps.core.i18n import both
from apps.skills import added
from apps.skills.base import registry
from apps.skills.mcp.definition import revealed
from apps.skills.models import PromptSkill
from apps.skills.prompts import actions, bundle
from apps.skills.registry import faults


class Command(ConsoleCommand):
    """The skills that are installed, and prompt skills between a folder and the registry."""

    help = "Skills. 技能。"

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs."""
        verbs = self.verbs(parser)
        self.verb(verbs, "list", self._list, both("列出技能", "list skills"), as_json=True)
        take = both("导入 SKILL.md 文件夹或 zip", "import a SKILL.md folder or zip")
        found = self.verb(verbs, "import", self._import, take, as_json=True)
        found.add_argument("path", metavar="FOLDER|ZIP", type=Path)
        for name, run, summary in (
            ("review", self._review, both("查看导入的内容", "show what was imported")),
            ("enable", self._enable, both("审核通过并启用", "reviewed: make it a skill")),
            ("disable", self._disable, both("停用", "switch it off")),
            ("remove", self._remove, both("删除", "remove it")),
        ):
            one = self.verb(verbs, name, run, summary, as_json=name == "review")
            one.add_argument("name", metavar="NAME")

    def _list(self, options: Options) -> None:
        added.refresh()
        language = settings.CLAWDBOT_LANGUAGE
        found = [
            {
                "name": skill.name,
                "zh": skill.zh,
                "aliases": list(skill.aliases),
                "summary": skill.summary.in_(language),
                "permission": skill.permission,
                "quick": skill.quick,
                "lane": skill.lane,
                "timeout": skill.timeout,
                "confirm": skill.confirm,
                "approve": skill.approve,
                "schema": skill.schema,
            }
            for skill in registry().values()
        ]
        rows = [(s["name"], s["zh"], s["permission"], s["summary"]) for s in found]
        self.show(options, found, table([("NAME", "中文", "PERMISSION", "SUMMARY"), *rows]))
        for row in PromptSkill.objects.exclude(state="enabled").order_by("name"):
            self.stderr.write(f"{row.name}: {row.state}")
        for fault in faults():
            self.stderr.write(f"{fault.module}: {fault.problem}")

    def _import(self, options: Options) -> None:
        row, new = actions.take(bundle.read(options["path"]), cli_actor())
        line = both(
            f"已导入 {row}；查看：manage.py skill review {row}",
            f"Imported {row}; look at it: manage.py skill review {row}",
        )
        same = both(f"{row} 没有变化（{row.state}）", f"{row} is unchanged ({row.state})")
        self.show(options, _shown(row), [line if new else same])

    def _review(self, options: Options) -> None:
        row = _row(options["name"])
        facts = [(key, value) for key, value in _shown(row).items() if key not in _LONG]
        files = [f"{one['size']:>9}  {one['path']}" for one in row.files]
        texts = [f"--- {path}\n{revealed(text)}" for path, text in row.references.items()]
        body = ["--- SKILL.md", revealed(row.body)]
        self.show(options, _shown(row), [*table(facts), *files, *body, *texts])

    def _enable(self, options: Options) -> None:
        """What is stored now is what counts as looked at."""
        row = _row(options["name"])
        row = actions.enable(row, sha256=row.sha256, actor=cli_actor())
        allow = f"manage.py role allow ROLE skill.{row.skill_name}"
        self.say(
            both(
                f"已启用 /{row.skill_name}；允许角色使用：{allow}",
                f"/{row.skill_name} is on; let a role use it: {allow}",
            )
        )

    def _disable(self, options: Options) -> None:
        row = actions.disable(_row(options["name"]), cli_actor())
        self.say(both(f"已停用 {row}", f"{row} is off"))

    def _remove(self, options: Options) -> None:
        actions.remove(_row(options["name"]), cli_actor())
        self.say(both(f"已删除 {options['name']}", f"Removed {options['name']}"))


_LONG = frozenset({"body", "references", "files"})


def _row(name: str) -> PromptSkill:
    rows = PromptSkill.objects.all()
    found = rows.filter(name=name).first() or rows.filter(skill_name=name).first()
    if found is None:
        known = ", ".join(rows.order_by("name").values_list("name", flat=True)) or "-"
        raise Refused(both(f"没有导入过 {name}；现有：{known}", f"no {name} here; known: {known}"))
    return found


def _shown(row: PromptSkill) -> dict[str, Any]:
    return {
        "name": row.name,
        "skill": row.skill_name,
        "state": row.state,
        "description": revealed(row.description),
        "license": row.license,
        "compatibility": row.compatibility,
        "allowed_tools": row.allowed_tools,
        "metadata": row.metadata,
        "sha256": row.sha256,
        "body": row.body,
        "references": row.references,
        "files": row.files,
    }
