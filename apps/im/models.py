"""Bots (one account on one platform) and deliveries (one row for each visible message)."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.core.work import WorkItem


class Bot(models.Model):
    """One account on one platform. Secrets are AES-GCM tokens, AAD `im.bot|<uid>|<setting>`."""

    CONNECTIONS: ClassVar = [("webhook", "webhook"), ("stream", "stream")]
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slug = models.SlugField(max_length=50, unique=True)
    platform = models.CharField(max_length=30)
    enabled = models.BooleanField(default=True)
    connection = models.CharField(max_length=10, choices=CONNECTIONS, default="webhook")
    settings = models.JSONField(default=dict, blank=True)
    secrets = models.JSONField(default=dict, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    #: Why the platform refuses this bot; it was disabled for that. "" when nothing is wrong.
    fault = models.CharField(max_length=500, blank=True, default="", editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "机器人 bot"
        verbose_name_plural = "机器人 bots"

    def __str__(self) -> str:
        return f"{self.platform}:{self.slug}"


class Delivery(WorkItem):
    """One visible message on its way out; `key` is the idempotency key on every repeat."""

    READY = ("pending", "unknown")
    WORKING = "sending"
    DEAD = "failed"
    OPEN = ("pending", "unknown", "sending")
    # The platform may have taken it before its sender died: the repeat has to say so.
    #: The platform only asked for time: that is no fault of this message.
    SLOW = "slow"
    SILENT: ClassVar = {"state": "unknown", "last_outcome": "unknown"}
    STATES: ClassVar = [
        (s, s) for s in ("pending", "sending", "sent", "unknown", "failed", "expired")
    ]
    ROLES: ClassVar = [(s, s) for s in ("progress", "answer", "notice")]

    state = models.CharField(max_length=12, default="pending", choices=STATES)
    max_attempts = models.PositiveSmallIntegerField(default=30)
    # No index of its own: only the removal of a bot looks for its deliveries.
    bot = models.ForeignKey(
        Bot, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    conversation = models.ForeignKey(
        "assistant.Conversation", null=True, on_delete=models.CASCADE, related_name="deliveries"
    )
    message = models.ForeignKey(
        "assistant.Message",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="deliveries",
    )
    job = models.ForeignKey(
        "assistant.Job",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="deliveries",
    )
    role = models.CharField(max_length=10, choices=ROLES)
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    chat_id = models.CharField(max_length=200)
    chat_type = models.CharField(max_length=10, default="private")
    private_to = models.CharField(max_length=200, blank=True)
    reply_to = models.CharField(max_length=200, blank=True)
    in_reply_to = models.CharField(max_length=200, blank=True)
    card = models.JSONField(default=dict)
    text = models.TextField(blank=True)
    revision = models.PositiveIntegerField(default=0)
    shown_revision = models.IntegerField(default=-1)
    platform_message_id = models.CharField(max_length=200, blank=True)
    #: What the platform needs for answering there and for editing it later; `Outgoing.context`.
    context = models.JSONField(default=dict, blank=True)
    #: The uids of the stored files that go out with it.
    files = models.JSONField(default=list, blank=True)
    last_outcome = models.CharField(max_length=10, blank=True)
    trace_id = models.CharField(max_length=32, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "投递 delivery"
        verbose_name_plural = "投递 deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["message"], name="one_answer", condition=models.Q(role="answer")
            ),
            models.UniqueConstraint(
                fields=["job"], name="one_progress", condition=models.Q(role="progress")
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["expires_at"],
                name="delivery_expiring",
                condition=models.Q(state__in=("pending", "unknown", "sending")),
            ),
            models.Index(
                fields=["lease_until"],
                name="delivery_leased",
                condition=models.Q(lease_until__isnull=False),
            ),
            models.Index(
                fields=["turn", "id"],
                name="delivery_line",
                condition=models.Q(state__in=("pending", "unknown", "sending")),
            ),
            models.Index(
                fields=["conversation", "id"],
                name="delivery_open_chat",
                condition=models.Q(state__in=("pending", "unknown", "sending")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.pk}: {self.state}"


class Click(models.Model):
    """A button that was used: one row for each button of a card, so that it acts once."""

    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, related_name="clicks", db_index=False
    )
    button = models.CharField(max_length=16)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "点击 click"
        verbose_name_plural = "点击 clicks"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["delivery", "button"], name="one_click")
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id}: {self.button}"


class StoredFile(models.Model):
    """A file that somebody sent or a skill made; its bytes are `media/<uid>` in the data folder."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=200)
    mime = models.CharField(max_length=100, blank=True)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    duration_ms = models.PositiveIntegerField(default=0)
    #: Who may read it: the person who sent it, or for whom it was made.
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    conversation = models.ForeignKey(
        "assistant.Conversation", null=True, on_delete=models.CASCADE, related_name="files"
    )
    made = models.BooleanField(default=False)  # by a skill; else it was received
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = "文件 file"
        verbose_name_plural = "文件 files"

    def __str__(self) -> str:
        return self.name
