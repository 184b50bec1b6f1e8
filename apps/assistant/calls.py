"""A program's call of a skill with JSON parameters: a message like any other, but nothing to read.

The call stands in the message's payload; its text is the same as a command, for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.accounts.models import Person
from apps.assistant import inbox
from apps.assistant.grammar import quote
from apps.assistant.models import Message
from apps.assistant.understand import Asker, Understood, called
from apps.core import strictjson
from apps.skills.base import Skill

KIND = "call"
MOST_SHOWN = 2000
EMPTY = '""'


def ask(person: Person, skill: Skill, parameters: Mapping[str, Any]) -> Message:
    """Store a call for a signed-in person and wake the drain."""
    call = {"skill": skill.name, "parameters": dict(parameters)}
    return inbox.ask(
        person, _shown(skill, parameters), origin="api", kind=KIND, extra={"call": call}
    )


def is_call(message: Message) -> bool:
    """Was it made by `ask`? No platform's message is, whatever its payload holds."""
    return message.kind == KIND and message.origin == "api"


def understood(message: Message, asker: Asker) -> Understood:
    """What the call is taken for, by the same rules as a typed command."""
    call = message.payload["extra"]["call"]
    return called(call["skill"], call["parameters"], asker)


def _shown(skill: Skill, parameters: Mapping[str, Any]) -> str:
    texts = {
        name: value if isinstance(value, str) else strictjson.dumps(value)
        for name, value in parameters.items()
    }
    words = [f"{name}={quote([text]) if text else EMPTY}" for name, text in texts.items()]
    return " ".join([f"/{skill.name}", *words])[:MOST_SHOWN]
