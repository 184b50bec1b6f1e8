"""The one door out, for the tests of the foundations."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from apps.core.http import Door


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """Return a door of this test's own loop."""
    made = Door()
    yield made
    await made.aclose()
