"""The console's pages of budgets, of what was spent, and of the policy; changes go through the
actions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import get_language

from apps.accounts.admin_base import ActionAdmin, ActionForm, ReadingAdmin
from apps.audit.actor import Actor
from apps.core.i18n import Text, both
from apps.llm import budget_actions, budget_view, policy
from apps.llm.budget_actions import Limits
from apps.llm.budget_models import Budget, Spend
from apps.llm.limit_models import ModelPolicy

_NONE = both("每人分别计算", "counted for each person")


class BudgetForm(ActionForm):
    """Who and what a budget is for is chosen once; how much can be changed."""

    class Meta:
        model = Budget
        fields = ("scope", "person", "department", "model", "period", "tokens", "money", "currency")

    def act(self) -> Budget:
        """Make it, or change its limits."""
        given = self.cleaned_data
        limits = Limits(given["tokens"], given["money"], given["currency"])
        if self.instance.pk is not None:
            return budget_actions.change(self.instance, limits, self.actor)
        return budget_actions.add(
            given["scope"], given["period"], limits, actor=self.actor, person=given["person"],
            department=given["department"], model=given["model"],
        )  # fmt: skip


@admin.register(Budget)
class BudgetAdmin(ActionAdmin):
    """How many tokens and how much money may be spent."""

    form = BudgetForm
    list_display = ("shown", "period", "model", "used")
    list_filter = ("scope", "period")
    list_select_related = ("person", "department", "model")

    @admin.display(description="预算 budget")
    def shown(self, row: Budget) -> str:
        """For whom and how much."""
        return _said(budget_actions.title(row))

    @admin.display(description="已用 used")
    def used(self, row: Budget) -> str:
        """How much of it is used in this period."""
        if row.scope == "each":
            return _said(_NONE)
        bounds = budget_view.standing(row).bounds
        return ", ".join(f"{_said(one.said(one.used))} ({one.percent}%)" for one in bounds)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Who it is for stays as it was made."""
        return ("scope", "person", "department", "model", "period") if obj else ()

    def remove(self, found: Budget, actor: Actor) -> None:
        """Bound nobody by it any more."""
        budget_actions.remove(found, actor)


@admin.register(Spend)
class SpendAdmin(ReadingAdmin):
    """What people spent on models, by day."""

    list_display = (
        *("day", "person", "department", "model", "calls", "tokens_in", "tokens_out"),
        *("money", "currency"),
    )
    list_filter = ("model", "currency", "department")
    list_select_related = ("person", "department")
    date_hierarchy = "day"
    search_fields = ("person__name", "model")
    exclude = ("key",)


class PolicyForm(ActionForm):
    """What happens while no store of the limits answers."""

    class Meta:
        model = ModelPolicy
        fields = ("limits_when_down",)

    def act(self) -> ModelPolicy:
        """Choose."""
        return policy.set_limits_when_down(self.cleaned_data["limits_when_down"], self.actor)


@admin.register(ModelPolicy)
class PolicyAdmin(ActionAdmin):
    """The one row of decisions about all models."""

    form = PolicyForm
    list_display = ("__str__", "limits_when_down")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one."""
        return super().has_add_permission(request) and not ModelPolicy.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """It is changed, not removed."""
        return False


def _said(text: Text) -> str:
    return text.in_(get_language() or "")
