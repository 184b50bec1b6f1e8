"""A whole ClawdBot in a throw-away folder, on SQLite or on a PostgreSQL of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

from benchmarks.database import Database
from benchmarks.dialects import SECRET, StandardWebhooks
from benchmarks.load import Target
from benchmarks.system import ROOT, System, free_port

MANAGE = [sys.executable, str(ROOT / "manage.py")]
PATH = "/webhooks/webhook/bench/"


class Installation(System):
    """`manage.py up`; with `only`, some of its parts."""

    def __init__(self, database: Database | None = None, only: str = "") -> None:
        self.name = f"clawdbot-{database.name if database else 'sqlite'}"
        super().__init__()
        self.database, self.only = database, only
        self.target = Target(self.port, StandardWebhooks(PATH))
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CLAWDBOT_")}
        self.env = {
            **kept,
            "CLAWDBOT_HOME": str(self.home / "home"),
            "CLAWDBOT_PORT": str(self.port),
            "CLAWDBOT_FLOWER_PORT": str(free_port()),
            "CLAWDBOT_LIMIT_PERSON": "off",
            "CLAWDBOT_LIMIT_CHAT": "off",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(self._skills())]),
        }
        if database:
            self.env["DATABASE_URL"] = database.url

    def _skills(self) -> os.PathLike[str]:
        """A folder on the path that declares the benchmark's own skill, as any package may."""
        info = self.home / "skills" / "clawdbot_bench-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: clawdbot-bench\nVersion: 1.0\n"
        )
        points = ["[clawdbot.skills]", "bench = benchmarks.skill"]
        if os.environ.get("BENCHMARK_BURDEN_MS"):
            points.append("burden = benchmarks.burden")
        (info / "entry_points.txt").write_text("\n".join(points) + "\n")
        return info.parent

    def start(self) -> None:
        """Return when it is ready to answer (with `only`: when the web side lives)."""
        self.launch()
        path = "live" if self.only else "ready"
        self.wait(lambda: self.says_yes(f"/healthz/{path}"), f"is it {path}", 120)

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        only = ["--only", self.only] if self.only else []
        with (self.home / "log").open("ab") as log:
            process = subprocess.Popen(
                [*MANAGE, "up", *only], env=self.env, cwd=ROOT, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip
        self.processes.append(process)

    def says_yes(self, path: str) -> bool:
        """Does this address answer 200?"""
        try:
            address = f"http://127.0.0.1:{self.port}{path}"
            with urllib.request.urlopen(address, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def database_pids(self) -> list[int]:
        """The tree of the PostgreSQL that it uses, if it does."""
        return [self.database.pid] if self.database else []

    def inside(self, call: str, **arguments: Any) -> Any:
        """Call a function of benchmarks.inside in a process of the installation."""
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.inside", call, json.dumps(arguments)],
            env={**self.env, "DJANGO_SETTINGS_MODULE": "clawdbot.settings.base"},
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{self.name}, {call}: {done.stderr[-3000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def seed(self, reply: str) -> None:
        """A webhook bot and 64 people bound to it."""
        self.inside("seed", secret=SECRET, reply=reply)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
