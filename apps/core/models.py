"""Rows that every process shares: leader leases and signs of life."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Lease(models.Model):
    """Who leads (beat, sealer) and until when, by the database's clock."""

    name = models.CharField(max_length=50, primary_key=True)
    holder = models.CharField(max_length=100, blank=True)
    epoch = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"


class Heartbeat(models.Model):
    """The last sign of life of one process (`worker`, `beat`), by the database's clock."""

    role = models.CharField(max_length=20)
    name = models.CharField(max_length=100, unique=True)
    at = models.DateTimeField(db_index=True)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["role", "at"], name="heartbeat_role_at")]

    def __str__(self) -> str:
        return f"{self.role} {self.name}"
