"""Measure an installation against the bare handler in one run and print a table.

    python -m benchmarks.run [--messages 3000] [--json FILE]

Figures are comparable within one run only. CPU is that of the whole process tree (embedded Valkey
included); the load generator's own is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import time
from pathlib import Path
from typing import Any

from benchmarks import meter
from benchmarks.stack import Bare, Installation
from benchmarks.wire import SECRET, Run, Sink, ack_load, ping_load

CHATS = (1, 8, 64)


def row(run: Run, cpu: float, count: int) -> dict[str, float]:
    """One line of the table."""
    return {
        "per_s": round(count / run.seconds, 1),
        "cpu_ms": round(1000 * cpu / count, 3),
        "p50_ms": round(run.percentile(0.5), 2),
        "p99_ms": round(run.percentile(0.99), 2),
        "twice": run.twice,
    }


async def loads(
    name: str, port: int, path: str, sink: Sink, roots: list[int], messages: int
) -> dict[str, dict[str, float]]:
    """All loads against one system, each after a short warm-up."""
    found: dict[str, dict[str, float]] = {}
    await ping_load(port, path, sink, chats=8, messages=200, tag=f"{name}-warm{time.time_ns()}")
    for chats in CHATS:
        total = max(chats, messages if chats > 1 else messages // 5)
        before = meter.cpu_seconds(roots)
        tag = f"{name}-p{chats}-{time.time_ns()}"
        run = await ping_load(port, path, sink, chats=chats, messages=total, tag=tag)
        await asyncio.sleep(0.3)  # marks and acknowledgements that follow belong to it
        cpu = meter.cpu_seconds(roots) - before
        found[f"/ping, {chats} chats"] = row(run, cpu, len(run.latencies_ms))
    return found


async def acks(
    name: str, port: int, path: str, roots: list[int], messages: int
) -> dict[str, float]:
    """Acknowledgements at 64 connections."""
    before = meter.cpu_seconds(roots)
    run = await ack_load(
        port, path, connections=64, messages=messages, tag=f"{name}-a-{time.time_ns()}"
    )
    return row(run, meter.cpu_seconds(roots) - before, len(run.latencies_ms))


async def measure(messages: int) -> dict[str, Any]:
    """Everything, in one run."""
    sink = Sink()
    await sink.start()
    reply = f"http://127.0.0.1:{sink.port}/"
    result: dict[str, Any] = {"machine": platform.processor() or platform.machine()}
    ours = Installation()
    try:
        result["first_start_s"] = round(await asyncio.to_thread(ours.start), 2)
        result["stop_s"] = round(await asyncio.to_thread(ours.stop), 2)
        result["warm_start_s"] = round(await asyncio.to_thread(ours.start), 2)
        await asyncio.to_thread(ours.seed, SECRET, reply)
        await asyncio.sleep(5)
        assert ours.process is not None
        memory = meter.pss_mib(ours.process.pid)
        result["idle_pss_mib"] = round(sum(memory.values()), 1)
        result["idle_by_process"] = {k: round(v, 1) for k, v in memory.items()}
        pid = [ours.process.pid]
        path = "/webhooks/webhook/bench/"
        result["clawdbot"] = await loads("ours", ours.port, path, sink, pid, messages)
        bare = await asyncio.to_thread(Bare, reply)
        try:
            result["bare"] = await loads("bare", bare.port, "/", sink, bare.pids, messages)
        finally:
            await asyncio.to_thread(bare.stop)
    finally:
        result["last_stop_s"] = round(await asyncio.to_thread(ours.stop), 2)
        ours.remove()
    return result


def table(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    lines = [
        "| load | | per second | CPU ms per message | p50 ms | p99 ms |",
        "|---|---|---|---|---|---|",
    ]
    for load, ours in result["clawdbot"].items():
        bare = result["bare"][load]
        for name, line in (("ClawdBot", ours), ("bare handler", bare)):
            lines.append(
                f"| {load} | {name} | {line['per_s']} | {line['cpu_ms']} | {line['p50_ms']} "
                f"| {line['p99_ms']} |"
            )
        ratio = ours["cpu_ms"] / bare["cpu_ms"] if bare["cpu_ms"] else 0
        lines.append(f"| {load} | ratio | {ours['per_s'] / bare['per_s']:.2f} | {ratio:.2f} | | |")
    facts = ("first_start_s", "warm_start_s", "stop_s", "idle_pss_mib")
    return "\n".join([*(f"{fact}: {result[fact]}" for fact in facts), "", *lines])


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = asyncio.run(measure(options.messages))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(table(result))


if __name__ == "__main__":
    main()
