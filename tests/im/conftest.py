"""Stands of the outside, and a Redis that may be away, for the tests of the platforms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.stands.feishu import FeishuStand
from tests.stands.webhook import WebhookStand


@pytest.fixture
def feishu_stand() -> Iterator[FeishuStand]:
    """Feishu's API on loopback."""
    with FeishuStand() as stand:
        yield stand


@pytest.fixture
def webhook_stand() -> Iterator[WebhookStand]:
    """A company's own system on loopback."""
    with WebhookStand() as stand:
        yield stand


@pytest.fixture
def no_redis(settings: Settings, tmp_path: Path) -> None:
    """Point the settings at a Redis that is not there."""
    settings.REDIS_URL = f"unix://{tmp_path}/none.sock?db=0"
