"""Skill: how the machine is doing."""

from __future__ import annotations

import os
import time
from datetime import timedelta

import psutil

from apps.core.host import data_disk
from apps.im.cards import Card, Color, Fields
from apps.skills import wording
from apps.skills.base import Context, both, skill

TITLE = both("主机", "Host")
CPU = both("处理器", "Processors")
CPU_FIGURES = both(
    "{percent}% （{count} 核，负载 {load}）", "{percent}% ({count} cores, load {load})"
)
MEMORY = both("内存", "Memory")
DISK = both("数据盘", "Data disk")
FIGURES = both("已用 {percent}%，剩 {free}，共 {total}", "{percent}% used, {free} free of {total}")
UP = both("已运行", "Up for")
FULL = 90
SAMPLE_S = 0.5


@skill(
    zh="主机",
    aliases=["server", "服务器", "机器"],
    summary=both("这台机器的处理器、内存和磁盘。", "Processors, memory and disk of this machine."),
    examples=[both("/主机", "/host")],
    phrases=[both("服务器状态", "server status"), both("磁盘还够吗", "how is the server")],
    timeout=20,
    writes=False,
)
def host(ctx: Context) -> Card:
    """Measure the machine; orange when memory or disk are nearly full."""
    percent = psutil.cpu_percent(interval=SAMPLE_S)
    memory = psutil.virtual_memory()
    disk = psutil.disk_usage(str(data_disk()))
    load = psutil.getloadavg()[0]
    cores = os.cpu_count() or 1
    pairs = (
        (
            ctx.say(CPU),
            ctx.say(CPU_FIGURES, percent=f"{percent:.0f}", count=cores, load=f"{load:.2f}"),
        ),
        (ctx.say(MEMORY), _figures(ctx, memory.percent, memory.available, memory.total)),
        (ctx.say(DISK), _figures(ctx, disk.percent, disk.free, disk.total)),
        (ctx.say(UP), ctx.say(wording.span(timedelta(seconds=time.time() - psutil.boot_time())))),
    )
    color: Color = "orange" if max(memory.percent, disk.percent) >= FULL else "green"
    return Card(ctx.say(TITLE), color, (Fields(pairs),))


def _figures(ctx: Context, percent: float, free: int, total: int) -> str:
    shown = f"{percent:.0f}"
    return ctx.say(FIGURES, percent=shown, free=wording.size(free), total=wording.size(total))
