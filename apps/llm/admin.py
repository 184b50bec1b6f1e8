"""The console's pages of the model layer."""

from __future__ import annotations

from apps.llm import budget_admin, call_admin, model_admin, privacy_admin

__all__ = ["budget_admin", "call_admin", "model_admin", "privacy_admin"]
