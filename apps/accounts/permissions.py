"""The grammar of permissions: `<area>.<action>`, and patterns that end in `*` for a whole area."""

from __future__ import annotations

import re

from apps.core.errors import ClawdbotError

EVERYTHING = "*"
MAX_LENGTH = 120
#: An action may be a model's name, such as `model.use.qwen2.5:7b`, hence the wide alphabet.
_FORM = re.compile(r"\*|[a-z][a-z0-9_]*(\.[^\s.*|,\"'\\]+)*\.(\*|[^\s.*|,\"'\\]+)")


class InvalidPermission(ClawdbotError):
    """{permission} is no permission: write area.action, area.* or *."""

    code = "invalid_permission"
    zh = "“{permission}”不是权限:请写成 area.action、area.* 或 *。"
    http_status = 400
    permanent = True


def normalise(permission: str) -> str:
    """Return the stored form of a permission or pattern; raises ``InvalidPermission``."""
    found = permission.strip()
    if len(found) > MAX_LENGTH or not found.isprintable() or not _FORM.fullmatch(found):
        raise InvalidPermission(permission=permission[:MAX_LENGTH])
    return found


def covers(pattern: str, permission: str) -> bool:
    """Tell whether `pattern` names everything that `permission` names."""
    if not pattern.endswith("*"):
        return pattern == permission
    prefix = pattern[:-1]
    return permission.startswith(prefix) and len(permission) > len(prefix)


def overlaps(one: str, other: str) -> bool:
    """Tell whether two patterns have anything in common: then one of them covers the other."""
    return covers(one, other) or covers(other, one)


def coverers(permission: str) -> list[str]:
    """Return every pattern that covers `permission`, for a query."""
    parts = permission.split(".")[:-1]
    areas = [".".join(parts[:count]) + ".*" for count in range(1, len(parts) + 1)]
    return [EVERYTHING, *areas, permission]
