"""A real installation for the tests of the stack: its processes, a hand inside, bots and people."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.console.stack import ROOT, Stack, alive, wait_for

COMPLAINTS = ('"error"', "Traceback", "database is locked")
BACK_S = 60  # until killed children answer again, on a loaded machine


class Installation(Stack):
    """`manage.py up` without limits of rate, with `ask` to look inside."""

    HAND = "tests.stack.inside"

    def __init__(self, home: Path, **env: str) -> None:
        off = {"CLAWDBOT_LIMIT_PERSON": "off", "CLAWDBOT_LIMIT_CHAT": "off"}
        super().__init__(home, **{"CLAWDBOT_WORKERS": "2", "CLAWDBOT_LANGUAGE": "en", **off, **env})
        self._asking = threading.Lock()
        self._hand: subprocess.Popen[str] | None = None
        self._more: list[subprocess.Popen[bytes]] = []
        self._numbers = itertools.count()

    # ---- what is inside ----

    def ask(self, name: str, **arguments: Any) -> Any:
        """Call a function of tests/stack/inside.py in the installation."""
        with self._asking:
            hand = self._open_hand()
            assert hand.stdin is not None
            assert hand.stdout is not None
            hand.stdin.write(json.dumps({"name": name, "arguments": arguments}) + "\n")
            hand.stdin.flush()
            answer = json.loads(hand.stdout.readline())
        assert "error" not in answer, f"{name}: {answer['error']}"
        return answer["value"]

    def hand_env(self) -> dict[str, str]:
        """What the hand inside is started with."""
        return self.env

    def _open_hand(self) -> subprocess.Popen[str]:
        if self._hand is None:
            self._hand = subprocess.Popen(
                [sys.executable, "-m", self.HAND], cwd=ROOT,
                env={**self.hand_env(), "DJANGO_SETTINGS_MODULE": "clawdbot.settings.base"},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        return self._hand

    def command(self, *words: str) -> str:
        """A command of manage.py that succeeds; returns what it says."""
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def add_bot(self, platform: str, slug: str, settings: dict[str, Any]) -> None:
        """As an operator adds it."""
        pairs = [f"{name}={value}" for name, value in settings.items()]
        self.command("bot", "add", platform, slug, *pairs)

    def settled(self, seconds: float) -> None:
        """Wait until everything is at its end; the error tells what is not, and the logs why."""
        try:
            wait_for(lambda: not self.ask("unfinished"), seconds, "the end of all work")
        except AssertionError as error:
            rows = "\n".join(self.ask("details"))
            raise AssertionError(f"{error}\n{rows}\n{self.complaints()}") from None

    def complaints(self, role: str = "") -> str:
        """The last errors in the logs."""
        lines = []
        for path in sorted((self.home / "logs").glob(f"{role or '*'}.log")):
            said = path.read_text(errors="replace").splitlines()
            bad = [line[:600] for line in said if any(word in line for word in COMPLAINTS)]
            lines += [f"{path.name}: {line}" for line in bad[-5:]]
        return "\n".join(lines)

    # ---- its processes ----

    def kill(self, *roles: str) -> dict[str, int]:
        """kill -9 of these children; returns the process ids that they had."""
        pids = {role: self.pids()[role] for role in roles}
        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)
        return pids

    def back(self, former: dict[str, int], seconds: float = BACK_S) -> None:
        """Wait until `up` started these children again."""

        def again() -> bool:
            now = self.pids()
            return all(now.get(role, pid) != pid for role, pid in former.items())

        wait_for(again, seconds, f"a new start of {', '.join(former)}")

    def kill_everything(self) -> None:
        """kill -9 of `up` and of all that it started, and wait until they are gone."""
        family = self.family()
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait()
        wait_for(lambda: not any(alive(pid) for pid in family), 10, "the end of all processes")

    def terminate(self) -> tuple[float, list[int]]:
        """SIGTERM to `up`; returns the seconds until it ended and who survived it."""
        family = self.family()
        began = time.monotonic()
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0
        return time.monotonic() - began, [pid for pid in family if alive(pid)]

    def start_more(self, *argv: str) -> Path:
        """One more process of this installation beside those of `up`; returns its log."""
        path = self.home / "logs" / f"more{next(self._numbers)}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *argv], cwd=ROOT, env=self.env, stdout=log, stderr=log
            )
        self._more.append(process)
        return path

    def end_more(self) -> None:
        """End what `start_more` started."""
        for process in self._more:
            process.kill()
            process.wait()
        self._more.clear()

    def end(self) -> None:
        """Leave nothing behind."""
        self.end_more()
        if self._hand is not None and self._hand.stdin is not None:
            self._hand.stdin.close()
            self._hand.wait(20)
            self._hand = None
        super().end()


def names(count: int) -> list[str]:
    """Names for so many people."""
    return [f"person{number:02d}" for number in range(count)]


def twice(values: Iterable[str]) -> list[str]:
    """What occurs more than once."""
    seen: set[str] = set()
    return [value for value in values if value in seen or seen.add(value)]  # type: ignore[func-returns-value]
