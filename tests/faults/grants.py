"""A small model of the rights, made from the audit alone, which shares no code with the product.

Deny beats allow, nothing is allowed by default, `*` at the end of a pattern matches the rest.
"""

from __future__ import annotations

from collections import defaultdict

from tests.faults.history import Row


class Model:
    """Who may do what after the changes that were applied so far."""

    def __init__(self) -> None:
        self.allow: dict[str, set[str]] = defaultdict(set)  # by role
        self.deny: dict[str, set[str]] = defaultdict(set)
        self.roles: dict[str, set[str]] = defaultdict(set)  # by person
        self.off: set[str] = set()

    def apply(self, row: Row) -> None:
        """Take in one audit row about rights."""
        action, key, name = row["action"], row["object_id"], row["object_label"]
        permission, role = row["data"].get("permission", ""), row["data"].get("role", "")
        match action:
            case "role.added":
                self.allow[name] |= set(row["data"].get("allow", ()))
            case "role.allow":
                self.allow[name].add(permission)
            case "role.deny":
                self.deny[name].add(permission)
            case "role.revoke_allow":
                self.allow[name].discard(permission)
            case "role.revoke_deny":
                self.deny[name].discard(permission)
            case "role.deleted":
                self.allow.pop(name, None)
                self.deny.pop(name, None)
            case "person.role_added":
                self.roles[key].add(role)
            case "person.role_removed":
                self.roles[key].discard(role)
            case "person.disabled":
                self.off.add(key)
            case "person.enabled":
                self.off.discard(key)

    def may(self, person: str, permission: str) -> bool:
        """Is there a grant, and no denial?"""
        roles = self.roles[person]
        denied = any(matches(p, permission) for role in roles for p in self.deny[role])
        allowed = any(matches(p, permission) for role in roles for p in self.allow[role])
        return person not in self.off and allowed and not denied


def matches(pattern: str, permission: str) -> bool:
    """Does a granted pattern cover this permission?"""
    if pattern.endswith("*"):
        return permission.startswith(pattern[:-1])
    return pattern == permission
