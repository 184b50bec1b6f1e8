"""What the measurement of models needs inside an installation."""

from __future__ import annotations

from apps.accounts import authz, tokens
from apps.accounts.models import Person
from apps.audit.log import Actor
from apps.llm import actions
from benchmarks.models.server import ALIAS, MODEL


def model(base_url: str) -> str:
    """Let members use the model at this address; returns a token of a member."""
    actor = Actor.system("benchmark")
    actions.add(ALIAS, base_url=base_url, model=MODEL, zone="internal", actor=actor)
    authz.allow("member", f"model.use.{ALIAS}", actor)
    return tokens.create(Person.objects.get(name="bench0"), "benchmark", actor)[1]
