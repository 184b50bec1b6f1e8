"""The one door out, for the tests of the foundations."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from apps.core.http import Door
from tests.core.sqlite_files import database, path

__all__ = ["database", "door", "path"]


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """Return a door of this test's own loop."""
    made = Door()
    yield made
    await made.aclose()
