"""What it costs that many wait for a model: `python -m benchmarks.models [--calls 200]`.

A web side of a whole installation on SQLite, a stand-in of a model that answers after `--seconds`,
and that many streamed calls of `/v1/chat/completions` at once. Printed: what the gateway adds until
the first token, what a waiting call takes of memory, and how fast the rest of the web side answers
meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from dataclasses import dataclass

from apps.simulate.model import KEY, MODEL, ModelStand
from benchmarks.installation import Installation
from benchmarks.meter import cpu_seconds, pss_mib

PATH = "/v1/chat/completions"
PAUSE_S = 0.02


@dataclass(frozen=True)
class Timed:
    """Of one call: its status, and seconds until the first token and until the end."""

    status: int
    first: float
    total: float


async def called(port: int, token: str) -> Timed:
    """One streamed call on a connection of its own."""
    body = {"model": "bench", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    began = time.monotonic()
    status, first = 0, 0.0
    reader, writer = await _sent(port, "POST", PATH, token, json.dumps(body).encode())
    status = int((await reader.readline()).split()[1])
    while line := await reader.readline():
        if line.startswith(b"data: ") and not first:
            first = time.monotonic() - began
        if line.strip() in {b"data: [DONE]", b"0"}:
            break
    writer.close()
    return Timed(status, first, time.monotonic() - began)


async def looked(port: int) -> float:
    """Seconds that a page of the same web side takes."""
    began = time.monotonic()
    reader, writer = await _sent(port, "GET", "/healthz/live", "", b"")
    await reader.readline()
    writer.close()
    return time.monotonic() - began


async def _sent(
    port: int, method: str, path: str, token: str, body: bytes
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = [
        f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{port}", f"authorization: Bearer {token}",
        "content-type: application/json", f"content-length: {len(body)}", "", "",
    ]  # fmt: skip
    writer.write("\r\n".join(head).encode() + body)
    await writer.drain()
    return reader, writer


async def looks(port: int, seconds: float) -> list[float]:
    """How long that page takes, again and again."""
    ends, found = time.monotonic() + seconds, []
    while time.monotonic() < ends:
        found.append(await looked(port))
        await asyncio.sleep(PAUSE_S)
    return found


async def measured(house: Installation, stand: ModelStand, token: str, calls: int) -> None:
    """Run and print."""
    await called(house.port, token)
    idle = await looks(house.port, 3.0)
    memory, cpu = pss_mib(house.pids), cpu_seconds(house.pids)
    tasks = [asyncio.create_task(called(house.port, token)) for _ in range(calls)]
    watching = asyncio.create_task(looks(house.port, stand.delay_s))
    await asyncio.sleep(stand.delay_s * 0.8)
    waiting = pss_mib(house.pids)
    done = await asyncio.gather(*tasks)
    busy = await watching
    added = sorted(1000 * (one.first - stand.delay_s) for one in done)
    bad = sum(one.status != 200 for one in done)
    print(f"{calls} calls of {stand.delay_s:g} s at once, {bad} refused")
    print(f"added until the first token, ms: {_spread(added)}")
    print(f"last answer after {max(one.total for one in done):.2f} s")
    print(
        f"CPU of the web side for a call, ms: {1000 * (cpu_seconds(house.pids) - cpu) / calls:.1f}"
    )
    print(f"memory, MiB: {memory:.0f} before, {waiting:.0f} while all wait")
    print(f"another page, ms: {_spread([1000 * s for s in idle])} idle")
    print(f"another page, ms: {_spread([1000 * s for s in busy])} meanwhile")


def _spread(found: list[float]) -> str:
    found = sorted(found)
    high = found[int(len(found) * 0.95) - 1]
    return f"median {statistics.median(found):.0f}, p95 {high:.0f}, most {found[-1]:.0f}"


def main() -> None:
    """Start everything, measure, leave nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    house = Installation(only="web")
    try:
        with ModelStand() as stand:
            house.start()
            token = house.inside("caller", base_url=stand.base_url, model=MODEL, api_key=KEY)
            stand.delay_s = given.seconds
            asyncio.run(measured(house, stand, token, given.calls))
    finally:
        house.stop()
        house.remove()


if __name__ == "__main__":
    main()
