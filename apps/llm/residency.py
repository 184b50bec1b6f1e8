"""Which question may go to which model, by where the model stands."""

from __future__ import annotations

from apps.llm.models import LanguageModel
from apps.llm.shapes import Ask, Purpose


def check(row: LanguageModel, ask: Ask, purpose: Purpose) -> None:
    """Raise `StaysHere` (a `ClawdbotError`) when this question must not go to that model.

    The refusal names the models that may be asked instead.
    """


def may(row: LanguageModel, ask: Ask, purpose: Purpose) -> bool:
    """Would `check` let it pass? For the models of a fallback chain; nothing is audited."""
    return True
