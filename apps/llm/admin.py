"""The console's pages of the model layer."""

from __future__ import annotations

from apps.llm import budget_admin, privacy_admin  # noqa: F401 - they register their pages
from apps.llm import budget_admin  # noqa: F401 - registers its pages
from apps.llm import call_admin, model_admin  # noqa: F401 - they register their pages
from apps.llm import (  # noqa: F401 - so do these
    budget_admin,
    call_admin,
    model_admin,
)
