"""The pages about models say what the program knows."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from apps.llm.quirks import Quirks
from apps.llm.registry import all_providers

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [("models.md", "en"), ("models.zh-CN.md", "zh-hans")]


@pytest.mark.parametrize(("page", "language"), PAGES)
def test_every_provider_has_its_row(page: str, language: str) -> None:
    lines = (DOCS / page).read_text().splitlines()
    for name, provider in all_providers().items():
        address = f" `{provider.base_url}`" if provider.base_url else ""
        models = f" {', '.join(provider.suggestions)}" if provider.suggestions else ""
        row = f"| `{name}` | {provider.labels.in_(language)} |{address} |{models} |"
        assert row in lines


@pytest.mark.parametrize(("page", "language"), PAGES)
def test_every_quirk_is_told(page: str, language: str) -> None:
    text = (DOCS / page).read_text()
    for one in fields(Quirks):
        assert f"`{one.name}`" in text
