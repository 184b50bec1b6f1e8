"""What an installation keeps for the privacy of what its people ask."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone


class MaskMap(models.Model):
    """Which placeholder stands for what, for one audience, until `expires_at`. `body` is JSON
    (`values`, `last`), encrypted with the AAD `llm.maskmap|<uid>|body`; `version` grows with each
    write, so that two writers see each other."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    audience = models.CharField(max_length=40, unique=True)
    body = models.TextField()
    version = models.PositiveIntegerField(default=1)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "占位符对照 placeholders"
        verbose_name_plural = "占位符对照 placeholders"

    def __str__(self) -> str:
        return self.audience

    @property
    def aad(self) -> str:
        """What binds the body to this row."""
        return f"llm.maskmap|{self.uid}|body"


class MaskPattern(models.Model):
    """A pattern of one's own (RE2) whose matches are masked as `⟦KIND_1⟧`."""

    name = models.CharField(max_length=100, unique=True)
    pattern = models.CharField(max_length=500)
    kind = models.CharField(max_length=20, default="CUSTOM")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "自定义遮盖 masking pattern"
        verbose_name_plural = "自定义遮盖 masking patterns"

    def __str__(self) -> str:
        return self.name


class ListedWord(models.Model):
    """A word (or, with `is_pattern`, an RE2 pattern) that the company watches."""

    RULES: ClassVar = [
        ("leave_refuse", "不得外发：拒绝提问 must not leave: refuse"),
        ("leave_mask", "不得外发：遮盖 must not leave: mask"),
        ("answer", "不得回答 must not be answered"),
    ]
    word = models.CharField(max_length=200)
    is_pattern = models.BooleanField(default=False)
    rule = models.CharField(max_length=12, choices=RULES, default="leave_refuse")
    note = models.CharField(max_length=200, blank=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "名单词 listed word"
        verbose_name_plural = "名单词 listed words"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["word", "rule"], name="one_listed_word")
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class ResidencyPolicy(models.Model):
    """May models abroad be asked: by everybody, or by the people of some departments (and of those
    below them). The one row of this table, or nobody."""

    allow_abroad = models.BooleanField(default=False)
    departments = models.ManyToManyField("accounts.Department", blank=True, related_name="+")

    class Meta:
        verbose_name = "模型出境 models abroad"
        verbose_name_plural = "模型出境 models abroad"

    def __str__(self) -> str:
        return "境外模型 models abroad"
