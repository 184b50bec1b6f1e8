"""The measurement with a real model server, which is far too small to be of use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.understanding import rows, runs, ways
from benchmarks.understanding.house import ALIAS, Model, add
from tests.services.llama import MODEL, Llama, Missing

pytestmark = [pytest.mark.stack, pytest.mark.django_db]
ROWS = 10
#: So long a row may take; a small model talks on and on.
SECONDS = 4.0


@pytest.fixture
def llama(db: None) -> Iterator[None]:
    try:
        running = Llama()
    except Missing as missing:
        pytest.skip(str(missing))
    try:
        add(Model(base_url=running.base_url, model=MODEL, api_key=running.key))
        yield
    finally:
        running.stop()


def test_ten_rows_with_a_real_server_do_no_harm(llama: None) -> None:
    chosen = runs.spread(rows.load(), ROWS)
    report = runs.report([ways.with_model(ALIAS, SECONDS)(row) for row in chosen])
    everything = report.lines[-1]
    assert everything["rows"] == ROWS
    assert everything["asked"] >= 3
    assert report.safe
    assert "| all | 10 |" in report.text
