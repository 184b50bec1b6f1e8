"""The roles that ClawdBot brings along; what somebody changed about them stays changed."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from apps.accounts.models import Grant, Person, Role
from apps.audit import log
from apps.audit.actor import Actor

MEMBER_SKILLS = (
    *("ping", "echo", "help", "whoami", "status", "tasks", "task", "cancel", "retry"),
    *("remind", "schedule", "approve", "deny", "usage", "new", "lang"),
    # Hidden: asking a model what a text means, and running what was planned and confirmed.
    *("assist", "plan"),
)
#: They need the right to a model besides (`model.use.<name>`), which no shipped role but the
#: administrator's holds.
MODEL_SKILLS = ("ask", "summarise", "translate", "draft", "extract", "facts")
OWN_SKILLS = ("memory",)
ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class ShippedRole:
    """A role as it is made the first time."""

    name: str
    label_zh: str
    label_en: str
    permissions: tuple[str, ...]


_MEMBER = tuple(f"skill.{name}" for name in (*MEMBER_SKILLS, *OWN_SKILLS, *MODEL_SKILLS))
ROLES = (
    ShippedRole("member", "成员", "Member", _MEMBER),
    ShippedRole(
        "operator",
        "运维",
        "Operator",
        (
            *_MEMBER,
            "skill.host",
            "skill.cleanup",
            "console.view",
            "console.flower",
            "console.jobs",
            "console.deliveries",
            "schedule.manage",
        ),
    ),
    ShippedRole("auditor", "审计员", "Auditor", ("audit.read", "console.view")),
    ShippedRole(ADMINISTRATOR, "管理员", "Administrator", ("*",)),
)


def ensure_roles() -> list[str]:
    """Make the shipped roles that are missing; returns their names.

    A role that is there is left alone, even where somebody took a grant from it.
    """
    actor, made = Actor.system("first start"), []
    for shipped in ROLES:
        with transaction.atomic():
            role, created = Role.objects.get_or_create(
                name=shipped.name,
                defaults={
                    "label_zh": shipped.label_zh,
                    "label_en": shipped.label_en,
                    "shipped": True,
                },
            )
            if not created:
                continue
            Grant.objects.bulk_create(
                [Grant(role=role, permission=permission) for permission in shipped.permissions]
            )
            log.record(
                "role.added",
                actor=actor,
                obj=("role", role.pk, role.name),
                outcome="ok",
                data={"allow": shipped.permissions},
            )
        made.append(shipped.name)
    return made


def first_administrator() -> Person | None:
    """Return the active person who was administrator first, for `say` and the first sign-in."""
    people = Person.objects.filter(roles__name=ADMINISTRATOR, is_active=True)
    return people.order_by("pk").first()
