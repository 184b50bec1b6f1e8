"""Sentences about rights: what is missing, and who can give it."""

from __future__ import annotations

from collections.abc import Sequence

from apps.accounts.rights import Decision, holding, rights
from apps.core.i18n import Text, both

_MISSING = both(
    "你没有权限{what}(缺少权限 {permission})。",
    "You may not {what} (missing permission {permission}).",
)
_DENIED = both(
    "角色 {role} 禁止你{what}(权限 {permission})。",
    "The role {role} forbids you to {what} (permission {permission}).",
)
_WHO = both("可以找 {names} 开通。", "{names} can give it to you.")
_NOBODY = both(
    "目前没有人能开通,请联系管理这台机器的人。",
    "Nobody can give it at present; ask whoever runs this machine.",
)
_RUN = both("使用 /{name}", "run /{name}")
_APPROVE = both("审批 /{name}", "approve /{name}")
_DO = both("执行此操作", "do this")
_SHOWN = 3


def who_can_give(permission: str) -> list[str]:
    """Return the names of the active people who may change grants and hold this one themselves.

    When nobody does, of those who may change grants at all.
    """
    managers = holding("console.permissions")
    found = rights(managers)
    able = [person for person in managers if found[person.pk].allows(permission)]
    return sorted(str(person) for person in able or managers)


def refusal(decision: Decision, language: str, name: str = "") -> str:
    """Return the sentence for the person: which permission is missing, and who can give it.

    `name` is what the permission is for, such as a skill's name in that language, when the
    permission's own last part is not what a person would call it.
    """
    template = _DENIED if decision.reason == "denied" else _MISSING
    sentence = template.format(
        what=_what(decision.permission, name),
        permission=decision.permission,
        role=decision.role,
    )
    return f"{sentence.in_(language)} {_who(who_can_give(decision.permission)).in_(language)}"


def _what(permission: str, name: str) -> Text:
    area, _, action = permission.partition(".")
    if area == "skill" and action != "*":
        return _RUN.format(name=name or action)
    if area == "approve" and action != "*":
        return _APPROVE.format(name=name or action)
    return _DO


def _who(names: Sequence[str]) -> Text:
    if not names:
        return _NOBODY
    return _WHO.format(
        names=both("、".join(names[:_SHOWN]), ", ".join(names[:_SHOWN])),
    )
