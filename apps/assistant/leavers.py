"""People who left the company, as their platform says: switched off at once, and audited.

Everything of theirs stops: jobs are denied when they start, schedules are refused when they fire.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from django.db import transaction

from apps.accounts import guard, identity
from apps.accounts.models import Person
from apps.accounts.people import disable_person
from apps.accounts.rights import holding
from apps.audit import log as audit
from apps.audit.log import Actor

log = structlog.get_logger(__name__)


def switch_off(bot: int, platform: str, external_ids: Iterable[str]) -> list[Person]:
    """Disable the people behind these identities; returns those who were.

    The last one who can give rights stays: somebody has to be able to mend it.
    """
    bound = identity.resolve({(bot, external) for external in external_ids})
    return [one for one in set(bound.values()) if one.is_active and _leave(one, platform)]


def _leave(person: Person, platform: str) -> bool:
    actor = Actor.system(f"leaver:{platform}")
    with transaction.atomic():
        others = [one for one in holding(guard.MANAGE_RIGHTS) if one.pk != person.pk]
        if not others:
            audit.record(
                "person.leaver_kept", actor=actor, obj=("person", person.pk, str(person)),
                outcome="refused",
            )  # fmt: skip
            log.error("leaver.is_the_last_administrator", person=person.pk)
            return False
        disable_person(person, actor)
    log.info("leaver.switched_off", person=person.pk, platform=platform)
    return True
