"""Rows of the limits: the gates that the database keeps while Redis is away, and the policy."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class GateRow(models.Model):
    """One model's gate (see `gates.machine.Gate`), by the uid of the model."""

    key = models.CharField(max_length=64, unique=True)
    document = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.key


class ModelPolicy(models.Model):
    """What the installation decided about its models as a whole; there is one row or none.

    `limits_when_down`: what happens to calls while neither Redis nor the database can say
    whether they are within their limits.
    """

    WHEN_DOWN: ClassVar = [("refuse", "拒绝 refuse"), ("allow", "放行 allow")]

    limits_when_down = models.CharField(max_length=6, choices=WHEN_DOWN, default="refuse")

    class Meta:
        verbose_name = "模型策略 model policy"
        verbose_name_plural = "模型策略 model policy"

    def __str__(self) -> str:
        return f"limits_when_down={self.limits_when_down}"
