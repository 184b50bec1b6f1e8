"""Programs of Alice, Bob and Carol, each with a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts import tokens
from apps.accounts.models import Person
from apps.assistant import drain, pipeline
from apps.audit.log import Actor
from apps.im import bots
from apps.im.sender import sender

JSON = "application/json"


@pytest.fixture(autouse=True)
def _builtin_bots(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    bots.ensure_builtin(Actor.system("test"))
    monkeypatch.setattr(sender, "submit", lambda deliveries: None)


class Program:
    """Speaks JSON with a token."""

    def __init__(self, person: Person) -> None:
        _, self.token = tokens.create(person, "test", Actor.system("test"))
        self.client = Client(headers={"authorization": f"Bearer {self.token}"})

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", query)

    def post(self, path: str, body: Any = None) -> Any:
        return self.client.post(f"/api/v1/{path}", body or {}, content_type=JSON)

    def delete(self, path: str) -> Any:
        return self.client.delete(f"/api/v1/{path}")


@pytest.fixture
def as_alice(alice: Person) -> Program:
    return Program(alice)


@pytest.fixture
def as_bob(bob: Person) -> Program:
    return Program(bob)


@pytest.fixture
def as_carol(carol: Person) -> Program:
    return Program(carol)


@pytest.fixture
def handle() -> Callable[[], None]:
    """Do what the workers would do with the waiting messages."""

    def run() -> None:
        for lane in ("control", "interactive"):
            while claimed := drain.claim(lane):
                pipeline.handle(claimed, timezone.now())

    return run
