"""A scripted model server, and the row of a model that is behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.audit.log import Actor
from apps.llm import actions
from apps.llm.models import LanguageModel
from apps.simulate.model import KEY, MODEL, ModelStand


@pytest.fixture
def stand() -> Iterator[ModelStand]:
    """The server."""
    with ModelStand() as running:
        yield running


@pytest.fixture
def model(db: None, stand: ModelStand) -> LanguageModel:
    """A model called `stand`, the default one."""
    return actions.add(
        "stand", base_url=stand.base_url, model=MODEL, api_key=KEY, zone="internal",
        actor=Actor.system("test"),
    )  # fmt: skip
