"""App configuration: speech."""

from __future__ import annotations

from django.apps import AppConfig


class SpeechConfig(AppConfig):
    """Registers the transcriber's settings with Django."""

    name = "apps.speech"
    verbose_name = "语音 Speech"
