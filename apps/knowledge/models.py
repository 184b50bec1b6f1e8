"""Collections of documents, the documents, and the passages in which they are found."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from apps.core.work import WorkItem


class Collection(models.Model):
    """Documents that the same people may read: whoever holds `knowledge.read.<name>`.

    `knowledge.write.<name>` lets them add to it and take away.
    """

    name = models.CharField(max_length=50, unique=True)
    title = models.CharField(max_length=200, blank=True)
    owner = models.ForeignKey(
        "accounts.Person", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "资料库 collection"
        verbose_name_plural = "资料库 collections"

    def __str__(self) -> str:
        return self.title or self.name

    @property
    def read_permission(self) -> str:
        """What a role must allow for finding anything in it."""
        return f"knowledge.read.{self.name}"

    @property
    def write_permission(self) -> str:
        """What a role must allow for adding to it."""
        return f"knowledge.write.{self.name}"


class Document(WorkItem):
    """One version of a document. Its bytes are in the data folder under `uid`.

    `waiting` to be read, `running` while it is, then `ready` or `failed`; `gone` once it is removed
    or replaced, until its passages are cleared away. Of one name in one
    collection at most one version is ready: the newest that could be read.
    """

    OPEN: ClassVar = ("waiting", "running", "gone")
    DEAD: ClassVar = "failed"
    STATES: ClassVar = [
        ("waiting", "待处理 waiting"),
        ("running", "处理中 running"),
        ("ready", "可检索 ready"),
        ("failed", "失败 failed"),
        ("gone", "已移除 gone"),
    ]

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="documents")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    added_by = models.ForeignKey(
        "accounts.Person", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    pages = models.PositiveIntegerField(default=0)
    #: Pages that hold no text (scans), by number.
    blank = models.JSONField(default=list, blank=True)
    #: Why it failed, or why it has no vectors: {"zh", "en"}.
    why = models.JSONField(default=dict, blank=True)
    indexed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "文档 document"
        verbose_name_plural = "文档 documents"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["collection", "name"],
                condition=models.Q(state="ready"),
                name="one_ready_version",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["not_before"],
                condition=models.Q(state__in=("waiting", "running", "gone")),
                name="document_open",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def reason(self, language: str) -> str:
        """Why it is as it is, for a person; "" when there is nothing to say."""
        why: dict[str, Any] = self.why or {}
        return str(why.get("en" if language.startswith("en") else "zh", ""))


class Chunk(models.Model):
    """A passage. `words` are the words of the index, `place` is where it stands in the document.

    A vector is little-endian float32, of unit length; `signs` holds one bit for each of its
    components, `vector_by` names the model that made it.
    """

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    place = models.JSONField(default=dict)
    text = models.TextField()
    words = models.TextField()
    vector = models.BinaryField(null=True)
    signs = models.BinaryField(null=True)
    vector_by = models.CharField(max_length=100, blank=True)

    class Meta:
        verbose_name = "段落 passage"
        verbose_name_plural = "段落 passages"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["document", "number"], name="one_chunk")
        ]

    def __str__(self) -> str:
        return f"{self.document_id}#{self.number}"
