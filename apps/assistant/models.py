"""Conversations, the inbox of messages, jobs and approvals."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.core.work import WorkItem


class Conversation(models.Model):
    """One chat (or thread) on one bot; its messages are handled in order, one at a time."""

    bot = models.ForeignKey("im.Bot", on_delete=models.CASCADE, related_name="conversations")
    chat_id = models.CharField(max_length=200)
    chat_type = models.CharField(max_length=10, default="private")
    title = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    fresh_since = models.DateTimeField(null=True, blank=True)  # /new forgets what came before
    memory = models.BooleanField(default=False)  # in a group: may what is said be remembered?

    class Meta:
        verbose_name = "会话 conversation"
        verbose_name_plural = "会话 conversations"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bot", "chat_id"], name="one_conversation")
        ]

    def __str__(self) -> str:
        return self.title or self.chat_id


class Message(WorkItem):
    """One inbound message, stored before it is acknowledged. `waiting` is also its leased state."""

    READY = ("waiting",)
    WORKING = "waiting"
    OPEN = ("waiting",)
    STATES: ClassVar = [
        (s, s) for s in ("waiting", "done", "ignored", "refused", "limited", "dead")
    ]
    ORIGINS: ClassVar = [(s, s) for s in ("im", "web", "cli", "api", "schedule")]

    state = models.CharField(max_length=12, default="waiting", choices=STATES)
    # No index of its own: the unique keys below begin with it.
    bot = models.ForeignKey(
        "im.Bot", on_delete=models.CASCADE, related_name="messages", db_index=False
    )
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages"
    )
    origin = models.CharField(max_length=10, choices=ORIGINS, default="im")
    event_id = models.CharField(max_length=250)
    second_key = models.CharField(max_length=250, null=True, blank=True)  # noqa: DJ001 - unique
    platform_message_id = models.CharField(max_length=200, blank=True)
    sender_id = models.CharField(max_length=200)
    sender_name = models.CharField(max_length=200, blank=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    kind = models.CharField(max_length=20, default="text")
    chat_type = models.CharField(max_length=10, default="private")
    mentions_bot = models.BooleanField(default=False)
    text = models.TextField(blank=True)
    payload = models.JSONField(default=dict, blank=True)
    reason = models.CharField(max_length=120, blank=True)
    trace_id = models.CharField(max_length=32, db_index=True)
    handled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "消息 message"
        verbose_name_plural = "收件箱 inbox"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bot", "event_id"], name="one_event"),
            models.UniqueConstraint(fields=["bot", "second_key"], name="one_message"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["lane", "turn", "id"],
                name="message_waiting",
                condition=models.Q(state="waiting"),
            ),
            models.Index(
                fields=["conversation", "id"],
                name="message_open_chat",
                condition=models.Q(state="waiting"),
            ),
            models.Index(
                fields=["bot", "sender_id", "turn"],
                name="message_open_sender",
                condition=models.Q(state="waiting"),
            ),
            models.Index(
                fields=["lease_until"],
                name="message_leased",
                condition=models.Q(lease_until__isnull=False),
            ),
            models.Index(fields=["created_at"], name="message_created"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.state}"


class Job(WorkItem):
    """One run of a skill for one person."""

    STATES: ClassVar = [
        (s, s)
        for s in (
            "waiting", "asking", "running", "succeeded", "failed", "cancelled", "denied",
            "expired", "dead",
        )
    ]  # fmt: skip
    OPEN = ("waiting", "asking", "running")
    FINAL: ClassVar = ("succeeded", "failed", "cancelled", "denied", "expired", "dead")
    REPLIES: ClassVar = [(s, s) for s in ("answer", "notice")]

    state = models.CharField(max_length=12, default="waiting", choices=STATES)
    lane = models.CharField(max_length=12, default="normal")
    number = models.CharField(max_length=12, unique=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="jobs"
    )
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="jobs")
    message = models.ForeignKey(
        Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    skill = models.CharField(max_length=60, db_index=True)
    parameters = models.JSONField(default=dict, blank=True)
    asking_for = models.CharField(max_length=60, blank=True)  # a parameter, `confirm`, `approve`
    reply_role = models.CharField(max_length=10, choices=REPLIES, default="answer")
    queued_until = models.DateTimeField(null=True, blank=True)
    stop_requested = models.BooleanField(default=False)
    #: A model chose the skill: what writes runs only after its asker confirmed it.
    proposed = models.BooleanField(default=False)
    #: Which piece of another's work made it: made again, it is the same job.
    once_key = models.CharField(max_length=60, null=True, blank=True)  # noqa: DJ001 - unique
    retry_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL)
    result = models.JSONField(null=True, blank=True)
    worker = models.CharField(max_length=100, blank=True)
    trace_id = models.CharField(max_length=32, db_index=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "任务 job"
        verbose_name_plural = "任务 jobs"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["once_key"], name="job_once", condition=models.Q(once_key__isnull=False)
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["lane", "turn", "id"],
                name="job_waiting",
                condition=models.Q(state="waiting", not_before__lte=models.F("created_at")),
            ),
            models.Index(
                fields=["lane", "not_before", "id"],
                name="job_later",
                condition=models.Q(state="waiting", not_before__gt=models.F("created_at")),
            ),
            models.Index(
                fields=["person", "turn"], name="job_turns", condition=models.Q(state="waiting")
            ),
            models.Index(fields=["lane"], name="job_running", condition=models.Q(state="running")),
            models.Index(
                fields=["queued_until"],
                name="job_queued",
                condition=models.Q(state="waiting", queued_until__isnull=False),
            ),
            models.Index(
                fields=["person", "state"],
                name="job_open",
                condition=models.Q(state__in=("waiting", "asking", "running")),
            ),
            models.Index(
                fields=["conversation"], name="job_asking", condition=models.Q(state="asking")
            ),
            models.Index(
                fields=["lease_until"],
                name="job_leased",
                condition=models.Q(lease_until__isnull=False),
            ),
            models.Index(fields=["person", "-id"], name="job_person"),
            models.Index(fields=["finished_at"], name="job_finished"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.skill}: {self.state}"


class Step(WorkItem):
    """One step of a plan: a skill whose parameters may refer to what earlier steps gave.

    Whoever runs the plan's job claims its steps one by one; a claim raises `attempts`, so that a
    worker that was given up for dead ends no step of another. `result` is
    `{"text", "fields", "card", "files", "private"}`.
    """

    STATES: ClassVar = [
        (s, s) for s in ("waiting", "running", "succeeded", "failed", "skipped", "unknown")
    ]
    OPEN = ("waiting", "running")

    state = models.CharField(max_length=12, default="waiting", choices=STATES)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="steps")
    number = models.PositiveSmallIntegerField()
    step = models.CharField(max_length=10)
    skill = models.CharField(max_length=60)
    parameters = models.JSONField(default=dict, blank=True)
    result = models.JSONField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "步骤 step"
        verbose_name_plural = "步骤 steps"
        ordering: ClassVar = ["job", "number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "number"], name="one_step")]

    def __str__(self) -> str:
        return f"{self.number} {self.skill}: {self.state}"

    @property
    def once_key(self) -> str:
        """What is done in this step, whoever tries it and however often."""
        return f"{self.job_id}-{self.number}"


class Approval(models.Model):
    """A question to the asker (`confirm`) or to one other person (`approve`); single use."""

    KINDS: ClassVar = [("confirm", "confirm"), ("approve", "approve")]
    STATES: ClassVar = [(s, s) for s in ("waiting", "approved", "denied", "expired", "withdrawn")]
    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="approval")
    kind = models.CharField(max_length=10, choices=KINDS)
    state = models.CharField(max_length=10, choices=STATES, default="waiting")
    code = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    #: Parameters whose values others wrote.
    held = models.JSONField(default=list, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = "审批 approval"
        verbose_name_plural = "审批 approvals"
        indexes: ClassVar = [models.Index(fields=["state", "expires_at"], name="approval_open")]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}: {self.state}"


class Remembered(models.Model):
    """What a person and the assistant said to each other in a chat: one question and its answer, or
    the summary of older ones.

    The texts are AES-GCM tokens (AAD `assistant.remembered|<uid>|asked` and `…|answered`).
    `outside`: the answer was made of what others wrote, so that no planner may read it.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="remembered"
    )
    summary = models.BooleanField(default=False)
    outside = models.BooleanField(default=False)
    asked = models.TextField(blank=True)
    answered = models.TextField(blank=True)
    tokens = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = "记忆 memory"
        verbose_name_plural = "记忆 memories"
        indexes: ClassVar = [
            models.Index(fields=["person", "conversation", "id"], name="remembered_chat"),
            models.Index(fields=["expires_at"], name="remembered_expires"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.conversation_id}"
