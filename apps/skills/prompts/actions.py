"""What can be done to prompt skills: each checks, changes and audits in one transaction."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import transaction

from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.core.i18n import both
from apps.skills import added, registry
from apps.skills.models import PromptSkill
from apps.skills.prompts.bundle import Bundle
from apps.skills.prompts.errors import CannotEnable

MOST_NAME = 60
OTHER = both("它在你看过之后又导入过，请重新查看", "it was imported again since; look again")
TAKEN = both("名字已被另一个技能使用", "another skill is called so")


def take(bundle: Bundle, actor: Actor) -> tuple[PromptSkill, bool]:
    """Store a folder; returns its row and whether anything is new about it.

    What is new waits for a review, and is no skill until then, whatever was there before.
    """
    with transaction.atomic():
        row = PromptSkill.objects.select_for_update().filter(name=bundle.head.name).first()
        if row is not None and row.sha256 == bundle.sha256:
            return row, False
        row = row or PromptSkill(name=bundle.head.name, skill_name=skill_name(bundle.head.name))
        before = row.sha256
        _fill(row, bundle)
        row.state, row.reviewed_by, row.reviewed_at = "new", "", None
        row.imported_by, row.imported_at = actor.label or actor.key, utcnow()
        row.save()
        added.changed()
        _audit("prompt.imported", row, actor, {"sha256": row.sha256, "before": before})
    return row, True


def _fill(row: PromptSkill, bundle: Bundle) -> None:
    head = bundle.head
    row.description, row.license = head.description, head.license
    row.compatibility, row.allowed_tools = head.compatibility, head.allowed_tools
    row.metadata, row.body = dict(head.metadata), bundle.body
    row.references, row.files = dict(bundle.references), [dict(one) for one in bundle.files]
    row.sha256 = bundle.sha256


def enable(row: PromptSkill, *, sha256: str, actor: Actor) -> PromptSkill:
    """Make a skill of what was looked at: `sha256` names it. Raises `CannotEnable`."""
    with transaction.atomic():
        row = PromptSkill.objects.select_for_update().get(pk=row.pk)
        if row.sha256 != sha256:
            raise CannotEnable(name=row.name, why=OTHER)
        if _taken(row):
            raise CannotEnable(name=row.name, why=TAKEN)
        row.state, row.reviewed_by, row.reviewed_at = "enabled", actor.label or actor.key, utcnow()
        row.save(update_fields=["state", "reviewed_by", "reviewed_at"])
        added.changed()
        _audit("prompt.enabled", row, actor, {"sha256": row.sha256})
    return row


def disable(row: PromptSkill, actor: Actor) -> PromptSkill:
    """Make it no skill any more. Nothing happens unless it is one."""
    with transaction.atomic():
        if PromptSkill.objects.filter(pk=row.pk, state="enabled").update(state="disabled"):
            added.changed()
            _audit("prompt.disabled", row, actor, {"sha256": row.sha256})
    row.refresh_from_db()
    return row


def remove(row: PromptSkill, actor: Actor) -> None:
    """Forget it."""
    with transaction.atomic():
        _audit("prompt.removed", row, actor, {"sha256": row.sha256})
        row.delete()
        added.changed()


def skill_name(name: str) -> str:
    """The skill's name: `_` for `-`, a letter in front, and short enough for a permission."""
    found = name.replace("-", "_")
    found = found if found[0].isalpha() else f"s_{found}"
    if len(found) <= MOST_NAME:
        return found
    return f"{found[: MOST_NAME - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _taken(row: PromptSkill) -> bool:
    if row.skill_name.startswith("mcp_"):
        return True
    others = (registry.lookup(word) for word in (row.skill_name, row.name))
    return any(one is not None and one.family != "prompt" for one in others)


def _audit(action: str, row: PromptSkill, actor: Actor, data: dict[str, Any]) -> None:
    obj = ("prompt_skill", row.pk, row.skill_name)
    audit.record(action, actor=actor, obj=obj, outcome="done", data=data)
