"""Which models there are, for the way of a message: one cheap query, and none of a model's row."""

from __future__ import annotations

from apps.core.sql import Prepared
from apps.llm.models import LanguageModel

names = Prepared(
    lambda: LanguageModel.objects.filter(enabled=True, kind="chat").values_list("name")
)


def permissions() -> list[str]:
    """What a role must allow, for each chat model: any one of them is enough to ask a model."""
    return [f"model.use.{name}" for (name,) in names.rows()]
