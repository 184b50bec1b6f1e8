"""What is done inside an installation: `python -m benchmarks.inside CALL ARGUMENTS-AS-JSON`.

Prints one line of JSON. Runs with the installation's settings, so its own database.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django


def seed(secret: str, reply: str) -> None:
    """A webhook bot, 64 people bound to it, and the right of members to run the empty job."""
    from apps.accounts import identity, people
    from apps.accounts.models import Grant, Role
    from apps.audit.log import Actor
    from apps.im import bots
    from apps.im.models import Bot

    actor = Actor.system("benchmark")
    bots.add_bot("webhook", "bench", {"secret": secret, "reply_url": reply}, actor)
    bot = Bot.objects.get(slug="bench")
    Grant.objects.get_or_create(role=Role.objects.get(name="member"), permission="skill.noop")
    for n in range(64):
        person = people.add_person(f"bench{n}", roles=["member"], actor=actor)
        identity.bind(person, bot, f"u{n}", actor)


CALLS = {"seed": seed}


def main() -> None:
    """Call and print."""
    django.setup()
    call, arguments = sys.argv[1:]
    found: Any = CALLS[call](**json.loads(arguments))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
