"""Grouped commits: one bad item fails alone, and nobody works for callers who have gone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from apps.webhooks.group import GroupCommit


async def test_one_bad_item_fails_alone() -> None:
    def write(items: Sequence[int]) -> list[int]:
        if 2 in items:
            raise ValueError("two")
        return [item * 10 for item in items]

    group = GroupCommit(write)
    found = await asyncio.gather(*map(group.submit, range(4)), return_exceptions=True)
    assert [one if isinstance(one, int) else type(one) for one in found] == [0, 10, ValueError, 30]


async def test_items_of_callers_who_gave_up_are_not_tried_one_by_one() -> None:
    """A store that is down costs each try seconds; those who come later must not wait for them."""
    tries: list[list[int]] = []
    gone = asyncio.Event()

    def write(items: Sequence[int]) -> list[int]:
        tries.append(list(items))
        if len(tries) == 2:
            loop.call_soon_threadsafe(gone.set)
        if 0 < len(tries) < 3:
            raise OSError("down")
        return list(items)

    loop = asyncio.get_running_loop()
    group = GroupCommit(write)
    waiting = [asyncio.create_task(group.submit(n)) for n in range(5)]
    await gone.wait()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await group.submit(9) == 9
    assert len(tries) < 5


@pytest.mark.parametrize("count", [1, 250])
async def test_each_gets_its_own_result(count: int) -> None:
    group = GroupCommit(list)
    found = await asyncio.gather(*map(group.submit, range(count)))
    assert found == list(range(count))
