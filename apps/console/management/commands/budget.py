"""`manage.py budget …`: how many tokens and how much money may be spent on models."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import CommandParser

from apps.accounts.models import Department
from apps.accounts.names import person_named
from apps.console.cli import ConsoleCommand, Options, Refused, cli_actor, key_values, said, table
from apps.core.i18n import both
from apps.llm import budget_actions, budget_view
from apps.llm.budget_actions import Limits
from apps.llm.budget_models import Budget
from apps.llm.models import LanguageModel

_ADDED = both("已新增预算 {number}。{title}", "Added budget {number}: {title}")
KEYS = ("tokens", "money", "currency", "model")


class Command(ConsoleCommand):
    """Budgets of people, departments and everybody."""

    help = "Budgets of tokens and money. 用量预算。"

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs and what they take."""
        verbs = self.verbs(parser)
        added = self.verb(verbs, "add", self._add, both("新增预算", "add a budget"))
        whom = both("给谁", "for whom")
        added.add_argument(
            "whom", metavar="all|each|department:NAME|person:NAME", help=whom.in_("en")
        )
        added.add_argument("period", choices=("day", "month"))
        added.add_argument("pairs", nargs="+", metavar="KEY=VALUE", help=", ".join(KEYS))
        listed = both("列出预算和已用", "list budgets and what is used of them")
        self.verb(verbs, "list", self._list, listed, as_json=True)
        change = self.verb(verbs, "change", self._change, both("调整限额", "give other limits"))
        change.add_argument("number", type=int, metavar="ID")
        change.add_argument("pairs", nargs="+", metavar="KEY=VALUE", help=", ".join(KEYS[:3]))
        gone = self.verb(verbs, "remove", self._remove, both("删除预算", "remove a budget"))
        gone.add_argument("number", type=int, metavar="ID")

    def _add(self, options: Options) -> None:
        values = _values(options["pairs"], KEYS)
        scope, _, name = str(options["whom"]).partition(":")
        row = budget_actions.add(
            scope, options["period"], _limits(values), actor=cli_actor(),
            person=person_named(name) if scope == "person" else None,
            department=_department(name) if scope == "department" else None,
            model=_model(values["model"]) if "model" in values else None,
        )  # fmt: skip
        self.say(_ADDED.format(number=row.pk, title=budget_actions.title(row)))

    def _list(self, options: Options) -> None:
        rows = Budget.objects.select_related("person", "department", "model").order_by("pk")
        found = [_shown(row) for row in rows]
        titles = [said(budget_actions.title(row)) for row in rows]
        lines = [
            (str(one["id"]), title, one["used"] or "-")
            for one, title in zip(found, titles, strict=True)
        ]
        self.show(options, found, table([("ID", "BUDGET", "USED"), *lines]))

    def _change(self, options: Options) -> None:
        row = _budget(options["number"])
        values = _values(options["pairs"], KEYS[:3])
        kept = {"tokens": row.tokens, "money": row.money, "currency": row.currency}
        stored = {name: str(value) for name, value in kept.items() if value is not None}
        row = budget_actions.change(row, _limits({**stored, **values}), cli_actor())
        self.say(budget_actions.title(row))

    def _remove(self, options: Options) -> None:
        row = _budget(options["number"])
        title = budget_actions.title(row)
        budget_actions.remove(row, cli_actor())
        self.say(both(f"已删除：{title.zh}", f"Removed {title.en}"))


def _values(pairs: list[str], known: tuple[str, ...]) -> dict[str, str]:
    values = key_values(pairs)
    unknown = sorted(set(values) - set(known))
    if unknown:
        names = ", ".join(known)
        raise Refused(both(f"没有 {unknown[0]}；可用：{names}", f"no {unknown[0]}; known: {names}"))
    return values


def _limits(values: dict[str, str]) -> Limits:
    """An empty value takes a limit away."""
    try:
        tokens = int(values["tokens"]) if values.get("tokens") else None
        money = Decimal(values["money"]) if values.get("money") else None
    except (ValueError, InvalidOperation) as error:
        raise Refused(both("tokens 和 money 应为数字", "tokens and money are numbers")) from error
    return Limits(tokens, money, values.get("currency") or "CNY")


def _budget(number: int) -> Budget:
    found = Budget.objects.filter(pk=number).first()
    if found is None:
        raise Refused(
            both(
                f"没有编号 {number} 的预算，见 budget list", f"no budget {number}; see budget list"
            )
        )
    return found


def _department(name: str) -> Department:
    found = Department.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Department.objects.order_by("name").values_list("name", flat=True))
        raise Refused(
            both(f"没有部门 {name}；现有：{known}", f"no department {name}; there are: {known}")
        )
    return found


def _model(name: str) -> LanguageModel:
    found = LanguageModel.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(LanguageModel.objects.order_by("name").values_list("name", flat=True))
        raise Refused(
            both(f"没有模型 {name}；现有：{known}", f"no model {name}; there are: {known}")
        )
    return found


def _shown(row: Budget) -> dict[str, Any]:
    standing = budget_view.standing(row)
    used = ", ".join(
        f"{one.used}/{one.limit} {one.currency or 'tokens'}" for one in standing.bounds
    )
    return {
        "id": row.pk, "scope": row.scope, "period": row.period, "name": standing.name.en,
        "person": row.person.name if row.person else None,
        "department": row.department.name if row.department else None,
        "model": row.model.name if row.model else None, "tokens": row.tokens,
        "money": row.money, "currency": row.currency,
        "used": used if row.scope != "each" else "", "until": standing.until,
    }  # fmt: skip
