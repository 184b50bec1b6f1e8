"""How figures, columns and systems are called in the tables, in both languages."""

from __future__ import annotations

import re

Words = dict[str, tuple[str, str]]  # English, Chinese
LANGUAGES = ("en", "zh")

COLUMNS: Words = {
    "per_s": ("per second", "每秒"),
    "cpu_ms": ("CPU ms each", "每条 CPU 毫秒"),
    "database_cpu_ms": ("database CPU ms", "数据库 CPU 毫秒"),
    "times_bare": ("CPU, times bare", "CPU，裸处理器的倍数"),
    "p50_ms": ("p50 ms", "p50 毫秒"),
    "p99_ms": ("p99 ms", "p99 毫秒"),
    "twice": ("answered twice", "回答两次"),
    "first_start_s": ("first start s", "首次启动 秒"),
    "ready_s": ("to ready s", "到就绪 秒"),
    "first_answer_s": ("to first answer s", "到第一个回答 秒"),
    "start_cpu_s": ("CPU s until then", "此间 CPU 秒"),
    "stop_s": ("stop s", "停止 秒"),
    "idle_mib": ("idle MiB", "空闲 MiB"),
    "after_mib": ("after 10,000 messages MiB", "一万条消息后 MiB"),
    "processes": ("processes", "进程数"),
    "tick_ms": ("a look, CPU ms", "一次查看 CPU 毫秒"),
    "tick_database_ms": ("its database", "其数据库"),
    "firing_ms": ("a firing, CPU ms", "一次触发 CPU 毫秒"),
    "firing_database_ms": ("its database", "其数据库"),
    "edits_ms": ("following edits, CPU ms", "跟随修改 CPU 毫秒"),
    "edits_database_ms": ("its database", "其数据库"),
}

FIGURES: Words = {
    "acks": (
        "Acknowledgements, 64 at once, nobody behind (verified and stored)",
        "确认，64 个连接，其后无人处理（已校验并存储）",
    ),
    "acks_full": (
        "Acknowledgements, 64 at once, whole stack (CPU includes answering)",
        "确认，64 个连接，完整系统（CPU 含处理与回答）",
    ),
    "burst": (
        "2,000 events in 5 s, latency of the acknowledgement",
        "5 秒内 2,000 个事件，确认的延迟",
    ),
    "ping_1": ("`/ping` end to end, 1 chat", "`/ping` 端到端，1 个会话"),
    "ping_8": ("`/ping` end to end, 8 chats", "`/ping` 端到端，8 个会话"),
    "ping_64": ("`/ping` end to end, 64 chats", "`/ping` 端到端，64 个会话"),
    "jobs_64": (
        "A job that does nothing, asked for and answered, 64 chats",
        "空任务，从请求到回答，64 个会话",
    ),
    "jobs_empty": (
        "Jobs that do nothing, without messages (ours are rows, Celery's `delay()`)",
        "空任务，不含消息（我们的是数据行，Celery 用 `delay()`）",
    ),
    "start": ("Start, warm", "启动（非首次）"),
    "memory": ("Memory, proportional (PSS)", "内存，按比例分摊（PSS）"),
    "growth_people": ("With many people, 8 chats", "人员增多，8 个会话"),
    "growth_history": (
        "With a long past (messages, jobs, deliveries, audit rows, each so many), 8 chats",
        "历史增多（消息、任务、投递、审计各这么多），8 个会话",
    ),
    "growth_history_jobs": (
        "The same, jobs that do nothing, 8 chats",
        "同上，空任务，8 个会话",
    ),
    "growth_backlog": (
        "Acknowledgements beside a backlog, 64 at once",
        "有积压时的确认，64 个连接",
    ),
    "growth_clearing": ("Clearing a backlog", "处理积压"),
    "growth_schedules": ("Beat, with many schedules", "定时器，定时增多"),
}

SYSTEMS: Words = {
    "bare": ("bare handler", "裸处理器"),
    "celery": ("stock Celery", "原样的 Celery"),
    "slack-bolt": ("slack-bolt", "slack-bolt"),
    "slack-bolt-async": ("slack-bolt, AsyncApp", "slack-bolt，AsyncApp"),
    "clawdbot-sqlite": ("**ClawdBot**, SQLite", "**ClawdBot**，SQLite"),
    "clawdbot-postgres": ("**ClawdBot**, PostgreSQL", "**ClawdBot**，PostgreSQL"),
}

# What may follow a system's name.
SUFFIXES: Words = {
    r", ratio at ([\d,]+)$": (r", times at \1", r"，\1 时的倍数"),
    r", ratio$": (", times", "，倍数"),
    r", beside ([\d,]+)$": (r", nothing waiting (beside \1)", r"，无积压（与 \1 条同轮）"),
    r", ([\d,]+) people$": (r", \1 people", r"，\1 人"),
    r", ([\d,]+) past$": (r", \1 of each", r"，各 \1 条"),
    r", ([\d,]+) waiting$": (r", \1 waiting", r"，积压 \1 条"),
    r", ([\d,]+)$": (r", \1", r"，\1"),
}


def say(words: Words, key: str, language: str) -> str:
    """The name in a language."""
    return words[key][LANGUAGES.index(language)]


def system(name: str, language: str) -> str:
    """A row's name: the system, and what is said of it after a comma."""
    plain, comma, rest = name.partition(",")
    for pattern, said in SUFFIXES.items():
        if comma and re.search(pattern, name):
            tail = said[LANGUAGES.index(language)]
            return say(SYSTEMS, plain, language) + re.sub(pattern, tail, comma + rest)
    return say(SYSTEMS, plain, language)
