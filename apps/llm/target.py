"""Where one call goes: a model's row, read once and without its database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.core import crypto
from apps.core.crypto import Secret
from apps.llm.models import LanguageModel


@dataclass(frozen=True, slots=True)
class Target:
    """A model as the wire needs it. `quirks` are the row's own, over its provider's."""

    name: str
    provider: str
    base_url: str
    model: str
    key: Secret
    timeout: float = 60.0
    quirks: Mapping[str, Any] = field(default_factory=dict)


def target_of(row: LanguageModel) -> Target:
    """The target behind a row; its key is decrypted and shows itself to nobody. Raises
    `SecretError` for a key that no secret key opens."""
    key = crypto.decrypt(row.api_key, row.aad) if row.api_key else ""
    return Target(
        row.name, row.provider, row.base_url, row.model, Secret(key), float(row.timeout_s),
        dict(row.quirks),
    )  # fmt: skip
