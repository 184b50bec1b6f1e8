"""`manage.py model …`: the language models behind the gateway, and the rows of their calls."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apps.accounts.names import person_named
from apps.console.cli import (
    ConsoleCommand,
    Failed,
    Options,
    cli_actor,
    key_values,
    moment,
    said,
    table,
)
from apps.core.i18n import Text, both
from apps.llm import actions, calls, settings
from apps.llm.errors import UnknownModel
from apps.llm.finding import Finding
from apps.llm.models import LanguageModel
from apps.llm.registry import all_providers, get_provider

MOST = 10_000
_ALLOW = both(
    "还没有角色可以用它（管理员除外）。允许：manage.py role allow member {permission}",
    "No role but administrator may use it yet. Allow: manage.py role allow member {permission}",
)
_CHECK = both("检查：manage.py model check {name}", "Check it: manage.py model check {name}")
_ABROAD = both(
    "不知道这个地址在哪里，按境外（abroad）处理；可用 model set {name} zone=… 更正",
    "Nobody knows where this address stands, so it counts as abroad; "
    "to mend: model set {name} zone=…",
)


class Command(ConsoleCommand):
    """Add, change, list, check and remove models; list and export their calls."""

    help = "Language models. 语言模型。"

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs and what they take."""
        verbs = self.verbs(parser)
        known = f"{', '.join(settings.READERS)}. provider: {', '.join(sorted(all_providers()))}"
        for name, run, summary in (
            ("add", self._add, both("新增模型", "add a model")),
            ("set", self._set, both("修改模型；KEY= 清除", "change a model; KEY= takes away")),
        ):
            found = self.verb(verbs, name, run, summary, as_json=True)
            found.add_argument("name", metavar="NAME")
            found.add_argument("pairs", nargs="+", metavar="KEY=VALUE", help=known)
        self.verb(verbs, "list", self._list, both("列出模型", "list the models"), as_json=True)
        summary = both("逐步检查模型", "look at a model step by step")
        check = self.verb(verbs, "check", self._check, summary, as_json=True)
        check.add_argument("name", metavar="NAME")
        removal = self.verb(verbs, "remove", self._remove, both("删除模型", "remove a model"))
        removal.add_argument("name", metavar="NAME")
        self._add_calls(verbs)
        keep = self.verb(
            verbs, "keep", self._keep, both("调用记录保留多久", "how long calls are kept"),
            as_json=True,
        )  # fmt: skip
        keep.add_argument("--days", type=int)
        keep.add_argument("--text-days", type=int)

    def _add_calls(self, verbs: Any) -> None:
        summary = both("列出、导出调用记录", "list and export calls")
        listing = self.verb(verbs, "calls", self._calls, summary, as_json=True)
        for name in ("since", "until"):
            listing.add_argument(f"--{name}", type=moment)
        for name in ("person", "model", "why", "job", "outcome"):
            listing.add_argument(f"--{name}", default="")
        most = both("至多多少条，最新的", "the newest so many")
        listing.add_argument("--most", type=int, default=MOST, help=said(most))
        text = both("连同脱敏后的问答（记入审计）", "with the masked text (audited)")
        listing.add_argument("--text", action="store_true", help=said(text))

    def _add(self, options: Options) -> None:
        given = settings.read(key_values(options["pairs"]))
        row = actions.add(options["name"], actor=cli_actor(), **given)
        lines: list[Text | str] = [
            both("已新增 {name}", "Added {name}").format(name=row.name),
            _line(row),
        ]
        unknown = "zone" not in given and get_provider(row.provider).zone != "abroad"
        if unknown and row.zone == "abroad":
            lines.append(_ABROAD.format(name=row.name))
        lines += _warnings(row)
        lines.append(_CHECK.format(name=row.name))
        lines.append(_ALLOW.format(permission=row.permission))
        self.show(options, _shown(row), lines)

    def _set(self, options: Options) -> None:
        given = settings.read(key_values(options["pairs"]))
        row = actions.change(_model(options["name"]), actor=cli_actor(), **given)
        done = both("已更改 {name}", "Changed {name}").format(name=row.name)
        self.show(options, _shown(row), [done, _line(row), *_warnings(row)])

    def _list(self, options: Options) -> None:
        rows = LanguageModel.objects.select_related("fallback").order_by("kind", "-default", "name")
        found = [_shown(row) for row in rows]
        head = ("NAME", "KIND", "PROVIDER", "MODEL", "ZONE", "KEY", "STATE", "ADDRESS")
        lines = [
            (
                one["name"], one["kind"], one["provider"], one["model"], one["zone"], one["key"],
                "off" if not one["enabled"] else "default" if one["default"] else "on",
                one["base_url"],
            )
            for one in found
        ]  # fmt: skip
        self.show(options, found, table([head, *lines]))

    def _check(self, options: Options) -> None:
        found = []
        for finding in actions.check(_model(options["name"]), cli_actor()):
            found.append(finding)
            if not options["json"]:
                self.say(f"{_mark(finding)} {finding.name}: {said(finding.text)}")
        if options["json"]:
            data = [{"name": f.name, "ok": f.ok, "text": said(f.text)} for f in found]
            self.show(options, data, [])
        wrong = ", ".join(f.name for f in found if f.ok is False)
        if wrong:
            raise Failed(both("需要处理：{n}", "To be mended: {n}").format(n=wrong))

    def _remove(self, options: Options) -> None:
        row = _model(options["name"])
        actions.remove(row, cli_actor())
        self.say(both("已删除 {name}", "Removed {name}").format(name=row.name))

    def _calls(self, options: Options) -> None:
        names = ("since", "until", "person", "model", "why", "job", "outcome")
        asked = {name: options[name] for name in names}
        if asked["person"]:
            asked["person"] = person_named(asked["person"]).name
        rows = calls.search(**asked)
        newest = rows.order_by("-pk").values_list("pk", flat=True)[: max(options["most"], 1)]
        rows = rows.filter(pk__gte=min(newest, default=0))
        found = list(calls.export(rows, text=options["text"], actor=cli_actor(), asked=asked))
        self.show(options, found, _call_lines(found))

    def _keep(self, options: Options) -> None:
        kept = calls.policy()
        if options["days"] is not None or options["text_days"] is not None:
            days = kept.days if options["days"] is None else options["days"]
            text = min(kept.text_days, days) if options["text_days"] is None else None
            text = options["text_days"] if text is None else text
            kept = calls.set_policy(days=days, text_days=text, actor=cli_actor())
        data = {"days": kept.days, "text_days": kept.text_days}
        line = both(
            "调用记录保留 {days} 天，其中问答文本保留 {text_days} 天",
            "Calls are kept for {days} days, their text for {text_days}",
        )
        self.show(options, data, [line.format(**data)])


def _call_lines(found: list[dict[str, Any]]) -> list[str]:
    head = ("AT", "PERSON", "WHY", "JOB", "MODEL", "OUTCOME", "IN", "OUT", "COST", "MS")
    rows = [
        (
            one["at"][:19], one["person"] or "-", one["why"], one["job"], one["model"],
            one["outcome"], one["tokens_in"], one["tokens_out"],
            f"{one['cost']} {one['currency']}", one["total_ms"],
        )
        for one in found
    ]  # fmt: skip
    lines = table([head, *rows])
    if not found or "prompt" not in found[0]:
        return lines
    texts = [[f"  > {one['prompt']}", f"  < {one['answer']}"] for one in found]
    return [lines[0], *(part for n, line in enumerate(lines[1:]) for part in (line, *texts[n]))]


def _model(name: str) -> LanguageModel:
    rows = LanguageModel.objects.select_related("fallback")
    found = rows.filter(name=name).first()
    if found is None:
        known = ", ".join(rows.order_by("name").values_list("name", flat=True)) or "-"
        raise UnknownModel(name=name, known=known)
    return found


def _mark(finding: Finding) -> str:
    """Right, wrong, or only told."""
    return {True: "ok ", False: "NO ", None: "-  "}[finding.ok]


def _warnings(row: LanguageModel) -> list[Text]:
    return get_provider(row.provider).warnings(row.base_url, row.model)


def _line(row: LanguageModel) -> str:
    return f"{row.provider} {row.model} {row.base_url} zone={row.zone}"


def _shown(row: LanguageModel) -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": row.kind,
        "provider": row.provider,
        "base_url": row.base_url,
        "model": row.model,
        "zone": row.zone,
        "key": actions.key_shown(row),
        "default": row.default,
        "enabled": row.enabled,
        "unmasked": row.unmasked,
        "fallback": row.fallback.name if row.fallback else None,
        "qps": row.qps,
        "in_flight": row.in_flight,
        "timeout_s": row.timeout_s,
        "price_in": str(row.price_in),
        "price_out": str(row.price_out),
        "currency": row.currency,
        "quirks": row.quirks,
        "permission": row.permission,
        "created_at": timezone.localtime(row.created_at).isoformat(),
    }
