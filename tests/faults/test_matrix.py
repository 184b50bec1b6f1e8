"""Eight cases of the matrix, chosen for breadth, in under 8 minutes: `pytest -m faults`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import matrix
from tests.faults.case import CASES
from tests.faults.run import Outcome
from tests.faults.site import EMBEDDED, RABBIT, REDIS, Site
from tests.services.process import Missing

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.redis, pytest.mark.rabbitmq]
#: Grouped by set-up, so that each is started once.
EIGHT = (
    (EMBEDDED, "F2"), (EMBEDDED, "P2"),
    (REDIS, "F1"), (REDIS, "F7"), (REDIS, "F11"), (REDIS, "F17"),
    (RABBIT, "F5"), (RABBIT, "P1"),
)  # fmt: skip


@pytest.fixture(scope="module")
def sites() -> Iterator[dict[str, Site]]:
    """One running installation at a time."""
    running: dict[str, Site] = {}
    yield running
    for site in running.values():
        site.__exit__()


def site_of(sites: dict[str, Site], setup: str) -> Site:
    """The running one of this set-up; another is ended for it."""
    for other in [name for name in sites if name != setup]:
        sites.pop(other).__exit__()
    if setup not in sites:
        try:
            sites[setup] = Site(setup).__enter__()
        except Missing as missing:
            pytest.skip(str(missing))
    return sites[setup]


@pytest.mark.parametrize(("setup", "name"), EIGHT, ids=["-".join(pair) for pair in EIGHT])
def test_nothing_is_lost_and_nothing_is_done_twice(
    sites: dict[str, Site], setup: str, name: str
) -> None:
    site = site_of(sites, setup)
    outcome: Outcome = matrix.run_case(site, CASES[name])
    if outcome.verdict.startswith("not run"):
        pytest.skip(outcome.verdict)
    if outcome.breaches:
        sites.pop(setup).__exit__()
    assert outcome.breaches == []
    assert (outcome.lost, outcome.twice) == (0, 0)
    assert outcome.accepted >= CASES[name].count
