"""The language models that an installation may ask."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from apps.llm import (  # noqa: F401 - Django looks for rows here
    budget_models,
    limit_models,
    privacy_models,
)


class LanguageModel(models.Model):
    """One model behind an address. The key is an AES-GCM token with the AAD
    `llm.languagemodel|<uid>|api_key`.

    Prices are for a million tokens, in `currency`. `qps` and `in_flight` are limits of all workers
    together, None for none. `unmasked`: an internal model may read what people wrote as it is.
    """

    ZONES: ClassVar = [
        ("internal", "内网 internal"),
        ("mainland", "境内 mainland"),
        ("abroad", "境外 abroad"),
    ]
    KINDS: ClassVar = [("chat", "对话 chat"), ("embedding", "向量 embedding")]

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=50, unique=True)
    kind = models.CharField(max_length=10, choices=KINDS, default="chat")
    provider = models.CharField(max_length=30, default="custom")
    base_url = models.CharField(max_length=500)
    model = models.CharField(max_length=200)
    api_key = models.TextField(blank=True, editable=False)
    zone = models.CharField(max_length=10, choices=ZONES, default="mainland")
    #: What differs from its provider's abilities and quirks, by the names of `Quirks`.
    quirks = models.JSONField(default=dict, blank=True)
    default = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    fallback = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL)
    unmasked = models.BooleanField(default=False)
    qps = models.FloatField(null=True, blank=True)
    in_flight = models.PositiveIntegerField(null=True, blank=True)
    timeout_s = models.PositiveIntegerField(default=60)
    price_in = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    price_out = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    currency = models.CharField(max_length=3, default="CNY")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "语言模型 language model"
        verbose_name_plural = "语言模型 language models"

    def __str__(self) -> str:
        return self.name

    @property
    def permission(self) -> str:
        """What a role must allow for asking it."""
        return f"model.use.{self.name}"

    @property
    def aad(self) -> str:
        """What binds the stored key to this row."""
        return f"llm.languagemodel|{self.uid}|api_key"


class ModelCall(models.Model):
    """One call, whatever came of it. `prompt` and `answer` are masked, then encrypted (AAD
    `llm.modelcall|<uid>|prompt` and `…|answer`).

    `cost` is at the price of that day. `outcome` is `open` until it is known, then `ok`, the code
    of an error, `cancelled`, or `lost` when the process died in the call.
    `masked` counts what was masked by kind.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    person = models.ForeignKey(
        "accounts.Person", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    why = models.CharField(max_length=30)
    job = models.CharField(max_length=12, blank=True, db_index=True)
    audience = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=50)
    vendor_model = models.CharField(max_length=200, blank=True)
    zone = models.CharField(max_length=10, blank=True)
    prompt = models.TextField(blank=True)
    answer = models.TextField(blank=True)
    masked = models.JSONField(default=dict, blank=True)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    estimated = models.BooleanField(default=False)
    cost = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    currency = models.CharField(max_length=3, default="CNY")
    streamed = models.BooleanField(default=False)
    first_ms = models.PositiveIntegerField(null=True, blank=True)
    total_ms = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=30)
    trace_id = models.CharField(max_length=32, blank=True, db_index=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "模型调用 model call"
        verbose_name_plural = "模型调用 model calls"
        indexes: ClassVar = [
            models.Index(fields=["created_at"], name="modelcall_created"),
            models.Index(fields=["person", "created_at"], name="modelcall_person"),
            models.Index(fields=["model", "created_at"], name="modelcall_model"),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.why}: {self.outcome}"

    def aad(self, field: str) -> str:
        """What binds the encrypted `prompt` or `answer` to this row."""
        return f"llm.modelcall|{self.uid}|{field}"


class CallPolicy(models.Model):
    """How long the rows of the calls are kept: the one row of this table, or its defaults.

    `text_days` is for what was asked and answered, `days` for the row itself. The audit has its own
    time; the law asks for 180 days of logs.
    """

    days = models.PositiveIntegerField(default=180)
    text_days = models.PositiveIntegerField(default=180)

    class Meta:
        verbose_name = "调用记录保留 retention of calls"
        verbose_name_plural = "调用记录保留 retention of calls"

    def __str__(self) -> str:
        return f"{self.days} / {self.text_days}"
