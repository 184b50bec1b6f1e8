"""Budgets, what was spent, and what is held for calls that are under way."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Budget(models.Model):
    """So many tokens or so much money in a day or a month, by the installation's wall clock.

    For one person, a department with all below it, everybody together, or each person on their
    own; for all models or one. Its money counts what models of its currency cost. A number that
    is None does not bound.
    """

    SCOPES: ClassVar = [
        ("all", "全体合计 everybody"),
        ("each", "每人 each person"),
        ("department", "部门 department"),
        ("person", "个人 person"),
    ]
    PERIODS: ClassVar = [("day", "每天 a day"), ("month", "每月 a month")]

    scope = models.CharField(max_length=10, choices=SCOPES, default="all")
    person = models.ForeignKey(
        "accounts.Person", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    department = models.ForeignKey(
        "accounts.Department", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    model = models.ForeignKey(
        "llm.LanguageModel", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    period = models.CharField(max_length=5, choices=PERIODS, default="month")
    tokens = models.PositiveBigIntegerField(null=True, blank=True)
    money = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, default="CNY")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "预算 budget"
        verbose_name_plural = "预算 budgets"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="budget_bounds",
                condition=Q(tokens__isnull=False) | Q(money__isnull=False),
            ),
            models.CheckConstraint(
                name="budget_scope",
                condition=Q(scope="person", person__isnull=False, department__isnull=True)
                | Q(scope="department", department__isnull=False, person__isnull=True)
                | Q(scope__in=["all", "each"], person__isnull=True, department__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        whom = self.person or self.department or self.scope
        return f"{whom} / {self.period}"


class BudgetUse(models.Model):
    """How much of a budget is used in one period: what counts, locked by whoever reserves.

    `key` is `<budget>|<person or 0>|<first day>`; the person is set only for budgets of each.
    `warned` is the highest share in percent that was warned about.
    """

    key = models.CharField(max_length=60, unique=True)
    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="uses")
    person = models.ForeignKey(
        "accounts.Person", null=True, on_delete=models.CASCADE, related_name="+"
    )
    start = models.DateField()
    tokens = models.PositiveBigIntegerField(default=0)
    money = models.DecimalField(max_digits=18, decimal_places=6, default=0)
    warned = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return self.key


class BudgetHold(models.Model):
    """What one call may take of one budget; lapses at `until`, by the database's clock."""

    reservation = models.UUIDField(default=uuid.uuid4, db_index=True)
    use = models.ForeignKey(BudgetUse, on_delete=models.CASCADE, related_name="holds")
    tokens = models.PositiveBigIntegerField()
    money = models.DecimalField(max_digits=18, decimal_places=6)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.reservation}: {self.tokens}"


class Spend(models.Model):
    """What a person spent on a model on one day, in the department that they were in.

    `key` is `<day>|<person or 0>|<department or 0>|<currency>|<model>`. Kept when the person, the
    department or the model is gone.
    """

    key = models.CharField(max_length=120, unique=True)
    day = models.DateField()
    person = models.ForeignKey(
        "accounts.Person", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    department = models.ForeignKey(
        "accounts.Department", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    model = models.CharField(max_length=50)
    currency = models.CharField(max_length=3)
    calls = models.PositiveIntegerField(default=0)
    tokens_in = models.PositiveBigIntegerField(default=0)
    tokens_out = models.PositiveBigIntegerField(default=0)
    money = models.DecimalField(max_digits=18, decimal_places=6, default=0)

    class Meta:
        verbose_name = "用量 spend"
        verbose_name_plural = "用量 spend"
        indexes: ClassVar = [
            models.Index(fields=["person", "day"], name="spend_person_day"),
            models.Index(fields=["day"], name="spend_day"),
        ]

    def __str__(self) -> str:
        return self.key
