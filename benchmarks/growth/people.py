"""The people of a benchmark: 64 through the front door, any number in bulk."""

from __future__ import annotations

from django.db import transaction

from apps.accounts import identity
from apps.accounts import people as door
from apps.accounts.models import Binding, Grant, Person, Role
from apps.assistant.models import Conversation
from apps.audit.log import Actor
from apps.im import bots
from apps.im.models import Bot
from benchmarks import fill
from benchmarks.size import FEW


def seed(secret: str, reply: str) -> None:
    """A webhook bot, people bound to it, and the right of members to run the empty job."""
    actor = Actor.system("benchmark")
    bots.add_bot("webhook", "bench", {"secret": secret, "reply_url": reply}, actor)
    bot = Bot.objects.get(slug="bench")
    Grant.objects.get_or_create(role=Role.objects.get(name="member"), permission="skill.noop")
    for number in range(FEW):
        person = door.add_person(f"bench{number}", roles=["member"], actor=actor)
        identity.bind(person, bot, f"u{number}", actor)


def people(count: int) -> None:
    """Up to `count` people, each bound, with the member's role and a conversation."""
    bot = Bot.objects.get(slug="bench")
    template = Person.objects.get(name="bench0")
    more = count - FEW
    with transaction.atomic():
        fill.copies("accounts_person", template.pk, FEW, more, name=fill.text("bench"))
        first = Person.objects.get(name=f"bench{FEW}").pk - FEW
        person = {"person_id": f"{first} + n.i"}
        binding = Binding.objects.get(bot=bot, external_id="u0")
        external = fill.text("u")
        fill.copies("accounts_binding", binding.pk, FEW, more, external_id=external, **person)
        role = Person.roles.through.objects.get(person=template, role__name="member")
        fill.copies("accounts_person_roles", role.pk, FEW, more, **person)
        chat = Conversation.objects.get(bot=bot, chat_id="c0")
        fill.copies("assistant_conversation", chat.pk, FEW, more, chat_id=fill.text("c"))
    fill.settle()
