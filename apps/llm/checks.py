"""System checks: a provider that is broken or defined twice stops the start with its name."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from apps.llm.registry import registry


@register("clawdbot")
def providers_are_sound(**kwargs: Any) -> list[CheckMessage]:
    """One error for each module that cannot be imported and each name that is taken twice."""
    return [
        Error(problem, hint="Mend or remove that module or package.", id="llm.E001")
        for problem in registry().problems
    ]
