"""Reads compose/compose.yaml for the tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

COMPOSE = Path(__file__).resolve().parents[2] / "compose" / "compose.yaml"
OURS = ("web", "worker", "beat")


@cache
def services() -> dict[str, Any]:
    """The services by name, anchors resolved."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return dict(found["services"])


def command(service: str) -> list[str]:
    """The words after the image's entry point."""
    return [str(word) for word in services()[service]["command"]]
