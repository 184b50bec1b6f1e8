"""Starts what is measured: a whole installation in a throw-away folder, and the bare handler."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MANAGE = [sys.executable, str(ROOT / "manage.py")]
SEED = """
import os, django
django.setup()
from apps.accounts import identity, people
from apps.accounts.models import Role
from apps.audit.log import Actor
from apps.im import bots
from apps.im.models import Bot
actor = Actor.system("benchmark")
bots.add_bot("webhook", "bench", {"secret": os.environ["BENCH_SECRET"],
             "reply_url": os.environ["BENCH_REPLY"]}, actor)
bot = Bot.objects.get(slug="bench")
for n in range(64):
    person = people.add_person(f"bench{n}", roles=["member"], actor=actor)
    identity.bind(person, bot, f"u{n}", actor)
"""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Installation:
    """`manage.py up` in a temporary home; stopped and removed at the end."""

    def __init__(self, extra: dict[str, str] | None = None) -> None:
        self.home = tempfile.mkdtemp(prefix="clawdbot-bench-")
        self.port, self.flower = free_port(), free_port()
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CLAWDBOT_")}
        self.env = {
            **kept,
            "CLAWDBOT_HOME": self.home,
            "CLAWDBOT_PORT": str(self.port),
            "CLAWDBOT_FLOWER_PORT": str(self.flower),
            "CLAWDBOT_LIMIT_PERSON": "off",
            "CLAWDBOT_LIMIT_CHAT": "off",
            **(extra or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start and wait until it is ready; returns the seconds it took."""
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [*MANAGE, "up"], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.wait(120)
        return time.perf_counter() - began

    def wait(self, seconds: float) -> None:
        """Until /healthz/ready says 200."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            try:
                address = f"http://127.0.0.1:{self.port}/healthz/ready"
                with urllib.request.urlopen(address, timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.05)
        raise TimeoutError("not ready")

    def seed(self, secret: str, reply: str) -> None:
        """A webhook bot and 64 people bound to it."""
        env = {**self.env, "BENCH_SECRET": secret, "BENCH_REPLY": reply}
        env["DJANGO_SETTINGS_MODULE"] = "clawdbot.settings.base"
        subprocess.run([sys.executable, "-c", SEED], env=env, cwd=ROOT, check=True)

    def stop(self) -> float:
        """SIGTERM and wait; returns the seconds it took."""
        assert self.process is not None
        began = time.perf_counter()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        return time.perf_counter() - began

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.home, ignore_errors=True)


class Bare:
    """The bare handler: a Valkey of its own, one web process, one consumer."""

    def __init__(self, reply: str) -> None:
        from apps.console.supervisor import valkey

        self.home = tempfile.mkdtemp(prefix="clawdbot-bare-")
        self.port = free_port()
        sock = Path(self.home) / "bare.sock"
        data = Path(self.home) / "data"
        data.mkdir()
        env = {**os.environ, "BARE_REDIS": f"unix://{sock}", "BARE_REPLY": reply}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": ROOT}
        server = valkey.argv(valkey.program(), sock, data)
        self.processes = [subprocess.Popen(server, **quiet)]  # type: ignore[call-overload]
        while not sock.exists():
            time.sleep(0.02)
        web = [sys.executable, "-m", "uvicorn", "benchmarks.bare:app", "--port", str(self.port)]
        web += ["--no-access-log", "--lifespan", "off", "--log-level", "warning"]
        worker = [sys.executable, "-m", "benchmarks.bare"]
        for argv in (web, worker):
            self.processes.append(subprocess.Popen(argv, env=env, **quiet))  # type: ignore[call-overload]
        self._wait()

    def _wait(self) -> None:
        ends = time.monotonic() + 30
        while time.monotonic() < ends:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise TimeoutError("the bare handler did not start")

    @property
    def pids(self) -> list[int]:
        """Its processes."""
        return [process.pid for process in self.processes]

    def stop(self) -> None:
        """End all of it."""
        for process in reversed(self.processes):
            process.terminate()
            process.wait(10)
        shutil.rmtree(self.home, ignore_errors=True)
