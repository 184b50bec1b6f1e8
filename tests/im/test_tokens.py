"""One token for everybody: fetched once, renewed in time, alive without Redis."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

import pytest
import redis
from pytest_django import Settings

from apps.im import tokens
from apps.im.errors import Later
from apps.im.tokens import TokenCache, account
from tests.services.redis import Named, Redis

NAME = "feishu:test"


@dataclass
class Vendor:
    """Hands out numbered tokens."""

    lifetime: float = 7200.0
    calls: int = 0
    slow: float = 0.0
    down: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def fetch(self) -> tuple[str, float]:
        with self.lock:
            self.calls += 1
            number = self.calls
        if self.slow:
            await asyncio.sleep(self.slow)
        if self.down:
            raise Later("the vendor is down")
        return f"t{number}", self.lifetime


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_one_fetch_serves_all_who_ask_at_once() -> None:
    vendor, cache = Vendor(slow=0.05), TokenCache()
    asked = [cache.get(NAME, vendor.fetch) for _ in range(20)]
    assert set(await asyncio.gather(*asked)) == {"t1"}
    assert vendor.calls == 1


async def test_processes_share_a_token_and_only_one_fetches() -> None:
    vendor = Vendor(slow=0.1)
    caches = [TokenCache() for _ in range(5)]
    assert set(await asyncio.gather(*(c.get(NAME, vendor.fetch) for c in caches))) == {"t1"}
    assert vendor.calls == 1
    assert await TokenCache().get(NAME, vendor.fetch) == "t1"


def test_event_loops_in_threads_share_a_cache() -> None:
    vendor, cache, found = Vendor(slow=0.05), TokenCache(), []
    threads = [
        threading.Thread(target=lambda: found.append(asyncio.run(cache.get(NAME, vendor.fetch))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {"t1"}


async def test_renewed_ten_minutes_before_it_ends() -> None:
    vendor, clock = Vendor(), Clock()
    cache = TokenCache(clock)
    assert await cache.get(NAME, vendor.fetch) == "t1"
    clock.now += 7200 - 601
    assert await cache.get(NAME, vendor.fetch) == "t1"
    clock.now += 2
    assert await cache.get(NAME, vendor.fetch) == "t2"


@pytest.mark.usefixtures("no_redis")
async def test_a_short_token_is_used_for_half_its_life() -> None:
    vendor, clock = Vendor(lifetime=10), Clock()
    cache = TokenCache(clock)
    await cache.get(NAME, vendor.fetch)
    clock.now += 4.9
    assert await cache.get(NAME, vendor.fetch) == "t1"
    clock.now += 0.2
    assert await cache.get(NAME, vendor.fetch) == "t2"


async def test_the_old_token_serves_while_the_vendor_is_down() -> None:
    vendor, clock = Vendor(), Clock()
    cache = TokenCache(clock)
    await cache.get(NAME, vendor.fetch)
    clock.now += 7200 - 300
    vendor.down = True
    assert await cache.get(NAME, vendor.fetch) == "t1"
    before = vendor.calls
    assert await cache.get(NAME, vendor.fetch) == "t1"
    assert vendor.calls == before  # not asked again at every message
    clock.now += 301
    with pytest.raises(Later):
        await cache.get(NAME, vendor.fetch)


async def test_a_refused_token_is_dropped_everywhere_but_not_its_successor() -> None:
    vendor = Vendor()
    mine, other = TokenCache(), TokenCache()
    assert await mine.get(NAME, vendor.fetch) == "t1"
    assert await other.get(NAME, vendor.fetch) == "t1"
    await mine.drop(NAME, "t1")
    assert await mine.get(NAME, vendor.fetch) == "t2"
    await other.drop(NAME, "t1")
    assert await other.get(NAME, vendor.fetch) == "t2"
    assert vendor.calls == 2


@pytest.mark.usefixtures("no_redis")
async def test_without_redis_each_process_keeps_its_own() -> None:
    vendor, cache = Vendor(), TokenCache()
    assert await cache.get(NAME, vendor.fetch) == "t1"
    assert await cache.get(NAME, vendor.fetch) == "t1"
    await cache.drop(NAME, "t1")
    assert await cache.get(NAME, vendor.fetch) == "t2"
    await cache.drop(NAME, "t1")  # said late, by somebody who still held the old one
    assert await cache.get(NAME, vendor.fetch) == "t2"


async def test_redis_may_go_away_and_come_back(redis_server: Redis | Named) -> None:
    if isinstance(redis_server, Named):
        pytest.skip("a named server is not stopped")
    vendor, cache = Vendor(), TokenCache()
    redis_server.stop()
    assert await cache.get(NAME, vendor.fetch) == "t1"
    redis_server.start()
    await cache.drop(NAME, "t1")
    assert await cache.get(NAME, vendor.fetch) == "t2"
    assert await TokenCache().get(NAME, vendor.fetch) == "t2"


async def test_nothing_readable_lies_in_redis(settings: Settings) -> None:
    vendor = Vendor()
    await TokenCache().get(NAME, vendor.fetch)
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        keys = list(client.scan_iter("clawdbot:token:*"))
        assert len(keys) == 1  # the lock is gone
        stored = client.get(keys[0])
        assert isinstance(stored, bytes)
        assert b"t1" not in stored.split(b".")
        client.set(keys[0], b"junk")
    assert await TokenCache().get(NAME, vendor.fetch) == "t2"


async def test_a_fetch_that_fails_frees_the_lock() -> None:
    vendor = Vendor(down=True)
    with pytest.raises(Later):
        await TokenCache().get(NAME, vendor.fetch)
    vendor.down = False
    assert await asyncio.wait_for(TokenCache().get(NAME, vendor.fetch), 2) == "t2"


def test_another_secret_is_another_account() -> None:
    one = account("feishu", "https://a", "app", "secret")
    assert one == account("feishu", "https://a", "app", "secret")
    assert one != account("feishu", "https://a", "app", "other")
    assert one != account("feishu", "https://a", "apps", "ecret")
    assert "secret" not in one


async def test_what_has_ended_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_HELD", 10)
    clock = Clock()
    vendor, cache = Vendor(lifetime=100.0), TokenCache(clock)
    for number in range(10):
        await cache.get(f"{NAME}:{number}", vendor.fetch)
    clock.now += 101
    await cache.get(f"{NAME}:new", vendor.fetch)
    assert list(cache._mine) == [f"{NAME}:new"]
