"""A library: the golden documents, read and indexed as in an installation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apps.accounts.models import Grant, Person, Role
from apps.audit.log import Actor
from apps.knowledge import actions, collections, indexing
from apps.knowledge.models import Collection, Document
from tests.knowledge import make

SYSTEM = Actor.system("test")
Put = Callable[..., Document]


@pytest.fixture
def put(db: None) -> Put:
    """Adds a document to a collection and indexes it at once."""

    def add(collection: str, name: str, data: bytes | str) -> Document:
        collections.make(collection, SYSTEM)
        content = data.encode() if isinstance(data, str) else data
        added = actions.add(collection, name, content, SYSTEM).document
        found = indexing.run(added.pk)
        assert found is not None
        return found

    return add


@pytest.fixture
def library(put: Put) -> Collection:
    """The golden documents in the collection `company`."""
    for name, data in make.golden().items():
        document = put("company", name, data)
        assert document.state == "ready", (name, document.why)
    return Collection.objects.get(name="company")


@pytest.fixture
def reader(bob: Person, roles: dict[str, Role]) -> Person:
    """Bob, whose role may read `company` and ask for it."""
    for permission in ("knowledge.read.company", "skill.docs"):
        Grant.objects.create(role=roles["member"], permission=permission)
    return bob
