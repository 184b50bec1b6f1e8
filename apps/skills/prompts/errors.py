"""Why a SKILL.md folder was not taken, with the mend."""

from __future__ import annotations

from apps.core.errors import ClawdbotError


class BadSkill(ClawdbotError):
    """The skill was not imported: {why}."""

    code = "bad_skill"
    zh = "技能没有导入：{why}。"
    http_status = 422
    permanent = True


class CannotEnable(ClawdbotError):
    """The skill {name} cannot be enabled: {why}."""

    code = "skill_cannot_enable"
    zh = "技能 {name} 不能启用：{why}。"
    http_status = 409
    permanent = True
