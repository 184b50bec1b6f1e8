"""The endpoint that transcribes, when there is one."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone


class Transcriber(models.Model):
    """An OpenAI-compatible `/v1/audio/transcriptions`. The key is an AES-GCM token with the AAD
    `speech.transcriber|<uid>|api_key`."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.SlugField(max_length=50, unique=True, default="default")
    base_url = models.CharField(max_length=500)
    model = models.CharField(max_length=200)
    api_key = models.TextField(blank=True, editable=False)
    #: `zh`, `en`, or "" for what is spoken.
    language = models.CharField(max_length=10, blank=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "语音识别 transcriber"
        verbose_name_plural = "语音识别 transcribers"

    def __str__(self) -> str:
        return f"{self.name}: {self.model}"
