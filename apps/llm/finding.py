"""What one step of checking a model found."""

from __future__ import annotations

from dataclasses import dataclass

from apps.core.i18n import Text


@dataclass(frozen=True, slots=True)
class Finding:
    """One step's result; `text` names cause and mend.

    `name` is one of `reachable`, `key`, `chat`, `streaming`, `tools`, `schema`, `reasoning`,
    `usage`, `speed`, `embedding`. `ok` is None for a step that was skipped, or that only tells.
    """

    name: str
    ok: bool | None
    text: Text
