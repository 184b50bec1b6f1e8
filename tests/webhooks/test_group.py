"""Grouped commits: one bad item fails alone, and nobody works for callers who have gone."""

from __future__ import annotations

import asyncio
import threading
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


async def test_nobody_waits_longer_than_the_patience() -> None:
    free = threading.Event()

    def write(items: Sequence[int]) -> list[int]:
        assert free.wait(30)
        return list(items)

    group = GroupCommit(write, patience_s=0.05)
    try:
        with pytest.raises(TimeoutError):
            await group.submit(1)
    finally:
        free.set()


async def test_a_crowd_shares_its_commits() -> None:
    """Who is answered together asks again together: the next round goes into one commit."""
    sizes: list[int] = []

    def write(items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        return list(items)

    group = GroupCommit(write)

    async def one(number: int) -> None:
        for _ in range(10):
            await group.submit(number)

    await asyncio.gather(*map(one, range(8)))
    assert sum(sizes) == 80
    assert len(sizes) < 20
