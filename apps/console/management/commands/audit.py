"""`manage.py audit …`: check the whole chain, and give the log out."""

from __future__ import annotations

import json
import os

from django.core.management.base import CommandParser

from apps.audit import log
from apps.audit.export import export
from apps.audit.verify import verify
from apps.console.cli import ConsoleCommand, Failed, Options, cli_actor, moment, said
from apps.core.i18n import both


class Command(ConsoleCommand):
    """The audit log."""

    help = "Check and export the audit log. 校验与导出审计。"

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs and what they take."""
        verbs = self.verbs(parser)
        summary = both("校验整条链;发现改动时退出码为 1", "check the whole chain; exit 1 if broken")
        self.verb(verbs, "verify", self._verify, summary, as_json=True)
        summary = both("每行输出一个 JSON 对象", "print one JSON object per line")
        out = self.verb(verbs, "export", self._export, summary, as_json=True)
        out.add_argument("--since", type=moment, metavar="TIME")
        out.add_argument("--until", type=moment, metavar="TIME")

    def _verify(self, options: Options) -> None:
        report = verify()
        problem = said(report.problem) if report.problem else None
        shown = {
            "ok": report.ok,
            "rows": report.rows,
            "seals": report.seals,
            "first_broken": report.first_broken or None,
            "problem": problem,
        }
        if report.ok:
            line = both(
                f"完好:{report.rows} 行,{report.seals} 个封签。",
                f"Whole: {report.rows} rows under {report.seals} seals.",
            )
            self.show(options, shown, [line])
            return
        if options["json"]:
            self.show(options, shown, [])
        raise Failed(
            both(
                f"首个损坏处 {report.first_broken}:{problem}",
                f"First broken entry {report.first_broken}: {problem}",
            )
        )

    def _export(self, options: Options) -> None:
        since, until = options["since"], options["until"]
        data = {"since": since, "until": until}
        log.record("audit.exported", actor=cli_actor(), outcome="ok", data=data)
        try:
            for line in export(since, until):
                self.stdout.write(json.dumps(line, ensure_ascii=False))
        except BrokenPipeError:
            # `… | head` has seen enough; Python must not complain again when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
