"""The quality scale of the adapters: bronze, silver and gold are test classes to inherit.

`class TestNews(Silver)` in tests/im/test_quality_news.py says which stand plays the vendor and how
an event is signed; it inherits every test of its level and of those below. The table of the README
is made from these classes (`python -m tests.im.table --write`).
"""

from __future__ import annotations

from tests.im.quality.bronze import Bronze
from tests.im.quality.gold import Gold
from tests.im.quality.silver import Silver

__all__ = ["Bronze", "Gold", "Silver"]
