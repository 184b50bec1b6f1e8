"""The README's table of platforms says what the tests say."""

from __future__ import annotations

import pytest

from apps.im.base import all_platforms
from apps.simulate.desks import all_desks
from tests.im.quality.base import RULES
from tests.im.table import COLUMNS, READMES, adapters, table, with_table


@pytest.mark.parametrize("language", READMES)
def test_the_table_is_current(language: str) -> None:
    text = READMES[language].read_text(encoding="utf-8")
    assert text == with_table(text, language), "run: python -m tests.im.table --write"


def test_every_adapter_with_a_stand_is_on_the_scale() -> None:
    hearing = {name for name, one in all_platforms().items() if one.abilities.receives}
    assert sorted(one.stand.platform for one in adapters()) == sorted(hearing & set(all_desks()))


def test_the_columns_are_rules() -> None:
    assert set(COLUMNS) - {"stream"} <= set(RULES)


def test_what_is_not_possible_has_a_footnote() -> None:
    reasons = {why.en for one in adapters() for rule, why in one.not_possible.items()
               if rule in COLUMNS}  # fmt: skip
    shown = table("en")
    assert all(f". {reason}\n" in shown for reason in reasons)
