"""Texts of templates in both languages: ``{% both "中文" "English" %}``."""

from __future__ import annotations

from django import template
from django.utils.translation import get_language

from apps.core.i18n import both as both_texts

register = template.Library()


@register.simple_tag
def both(zh: str, en: str, **params: object) -> str:
    """Return the sentence in the reader's language, its ``{name}`` fields filled (and escaped)."""
    return both_texts(zh, en).format(**params).in_(get_language() or "")
