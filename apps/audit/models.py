"""The audit log: rows written in the business transaction, chained in batches by one sealer."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, TypeVar

from django.db import models

from apps.audit.errors import AppendOnlyError

Row = TypeVar("Row", bound=models.Model)


class AppendOnlyQuerySet(models.QuerySet[Row]):
    """Rows that may be added and read; the database's triggers refuse the same."""

    def update(self, **changes: Any) -> int:
        """Set the seal of rows, which is all that ever changes; raises ``AppendOnlyError``."""
        if set(changes) != {"seal"}:
            raise AppendOnlyError
        return super().update(**changes)

    def bulk_update(self, *args: object, **options: object) -> NoReturn:
        """Refuse: raises ``AppendOnlyError``."""
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        """Refuse: raises ``AppendOnlyError``."""
        raise AppendOnlyError


class AppendOnly(models.Model):
    """A row that is written once."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        """Add a new row; raises ``AppendOnlyError`` for one that exists."""
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **options)

    def delete(self, *args: object, **options: object) -> NoReturn:
        """Refuse: raises ``AppendOnlyError``."""
        raise AppendOnlyError


class Seal(AppendOnly):
    """One link of the chain: the digest of a batch of rows on top of the previous link."""

    number = models.BigIntegerField(primary_key=True)  # 1, 2, 3 … without a gap
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    rows = models.IntegerField()
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    mac = models.CharField(max_length=100)
    at = models.DateTimeField()

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        verbose_name = "封签 seal"
        verbose_name_plural = "封签 seals"
        default_permissions: ClassVar = ("view",)

    def __str__(self) -> str:
        return f"#{self.number}"


class AuditRow(AppendOnly):
    """Who did what to what, when, and with which result. Never changed after it is written."""

    at = models.DateTimeField()
    producer = models.CharField(max_length=32)
    seq = models.BigIntegerField()
    # person:<id>, cli:<user>, system:<part>, stranger:<platform>:<external id>, …
    actor = models.CharField(max_length=120)
    actor_label = models.CharField(max_length=200, blank=True)
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=120, blank=True)
    object_label = models.CharField(max_length=200, blank=True)
    outcome = models.CharField(max_length=20, blank=True)
    trace_id = models.CharField(max_length=32, blank=True)
    data = models.JSONField(default=dict, blank=True)
    mac = models.CharField(max_length=100)
    seal = models.ForeignKey(Seal, null=True, blank=True, on_delete=models.PROTECT)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        verbose_name = "审计 audit row"
        verbose_name_plural = "审计 audit rows"
        default_permissions: ClassVar = ("view",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["producer", "seq"], name="audit_producer_seq")
        ]
        # Not db_index: a text column would get a second index for LIKE on PostgreSQL.
        indexes: ClassVar = [
            models.Index(fields=["id"], name="audit_unsealed", condition=models.Q(seal=None)),
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["actor", "at"], name="audit_actor"),
            models.Index(fields=["action", "at"], name="audit_action"),
            models.Index(fields=["object_type", "object_id"], name="audit_object"),
            models.Index(fields=["trace_id"], name="audit_trace"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.action} {self.object_label}"
