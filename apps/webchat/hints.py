"""What the chat page suggests: the skills this person may run, and examples to begin with."""

from __future__ import annotations

from typing import Any

from apps.accounts import authz
from apps.accounts.models import Person
from apps.accounts.shipped import MEMBER_SKILLS
from apps.skills import added, base

MOST_EXAMPLES = 6
MOST_SPECIAL = 3
#: Of the skills that are always there, those that a newcomer understands at once.
BEGINNINGS = ("help", "remind", "schedule", "status", "tasks")

Hint = dict[str, Any]


def skills(person: Person, language: str) -> list[Hint]:
    """Return the skills that the person's roles allow, as the page's command list wants them."""
    rights = authz.rights([person])[person.pk]
    added.refresh()
    return [
        _hint(one, language)
        for one in base.registry().values()
        if not one.hidden and rights.allows(one.permission)
    ]


def examples(hints: list[Hint]) -> list[str]:
    """Return a few sentences to begin with: what is special to this installation comes first."""
    begin = {hint["id"]: hint for hint in hints if hint["id"] in BEGINNINGS}
    special = [hint for hint in hints if hint["id"] not in MEMBER_SKILLS][:MOST_SPECIAL]
    chosen = special + [begin[name] for name in BEGINNINGS if name in begin]
    return [hint["example"] for hint in chosen][:MOST_EXAMPLES]


def _hint(skill: base.Skill, language: str) -> Hint:
    return {
        "id": skill.name,
        "name": skill.label.in_(language),
        "words": list(skill.words),
        "summary": skill.summary.in_(language),
        "example": _plainest([text.in_(language) for text in skill.examples]),
        "takes": bool(skill.parameters),
    }


def _plainest(texts: list[str]) -> str:
    return next((text for text in texts if not text.startswith("/")), texts[0])
