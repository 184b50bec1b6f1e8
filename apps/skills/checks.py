"""Django system checks: a skill that cannot be used is said at start, with its file's name."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error

from apps.skills.registry import faults

_IDS = {"import": "skills.E001", "name": "skills.E002"}
_HINTS = {
    "import": "Mend the file, or take it away.",
    "name": "Give it another name or alias: two skills cannot be called the same.",
}


def check_skills(**_: Any) -> list[CheckMessage]:
    """Report modules that fail to import and names that two skills want."""
    return [
        Error(f"{f.module}: {f.problem}", hint=_HINTS[f.kind], id=_IDS[f.kind]) for f in faults()
    ]
