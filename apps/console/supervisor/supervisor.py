"""Start the children in order, start again those that die, stop them in order within 15 s."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from itertools import groupby
from types import TracebackType

from apps.console.supervisor import valkey
from apps.console.supervisor.lines import Say, say, show
from apps.console.supervisor.logfile import last_words, rotate_live, tail
from apps.console.supervisor.probes import is_ready
from apps.console.supervisor.process import Child, Launch, spawn, words
from apps.console.supervisor.signals import Signals
from apps.console.supervisor.spec import Plan

STOP_S = 13.0  # of the 15 s that are promised; a busy machine needs the rest
HURRY_S = 2.0
PROBE_S = 0.1
IDLE_S = 15.0
SLOW_START_S = 60.0
STOPPING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
Wait = Callable[[float], set[int]]


class StartFailed(Exception):
    """A child ended, or was not ready in time, while others were waiting for it."""


class Supervisor:
    """The children of one plan. Use `run()` in the foreground, or `with` around what needs them."""

    def __init__(self, plan: Plan, tell: Say = say, launch: Launch = spawn) -> None:
        self.plan = plan
        self.tell = tell
        self.children = [Child(spec, plan, launch) for spec in plan.specs]
        self.was_ready: set[str] = set()

    # ---- one look at everything ----

    def step(self) -> None:
        """Reap who ended, start who is due, ask who is not ready yet."""
        for child in self.children:
            status = child.ended()
            if status is not None:
                self._lost(child, status)
            if not child.running and self._may_start(child):
                self._start(child)
            if child.running:
                self._look_at(child)

    def all_ready(self) -> bool:
        """Every child that is wanted runs and has answered."""
        return not self.waiting_for()

    def waiting_for(self) -> list[str]:
        """The roles that are not ready."""
        return [c.spec.role for c in self.children if not c.ready and c.wanted]

    def pause(self) -> float:
        """Seconds until the next look, unless a signal comes first."""
        if not self.all_ready():
            return PROBE_S
        return IDLE_S

    def _may_start(self, child: Child) -> bool:
        due = time.monotonic() >= child.start_at
        return due and child.wanted and self.was_ready.issuperset(child.spec.after)

    def _look_at(self, child: Child) -> None:
        """Note when it becomes ready, and end it when it has hung since."""
        role = child.spec.role
        if not child.ready:
            child.ready = is_ready(child.spec.ready)
            if child.ready:
                child.pulse.begin()
        elif child.pulse.lost():
            limit = f"{child.spec.silent_s:g} s"
            self.tell(
                f"{role}: {limit} 没有响应，强制结束 gave no sign of life for {limit}, is ended"
            )
            child.kill()
            child.pulse.begin()  # it may take a moment to end: say it once
        if child.ready:
            self.was_ready.add(role)

    def _start(self, child: Child) -> None:
        role = child.spec.role
        try:
            child.start()
        except OSError as error:
            child.start_at = time.monotonic() + child.backoff.after(0)
            self.tell(f"{role}: 无法启动 cannot be started: {error}")
            return
        again = "重新启动 started again" if child.starts > 1 else "已启动 started"
        self.tell(f"{role}: {again} (pid {child.pid})")

    def _lost(self, child: Child, status: int) -> None:
        role = child.spec.role
        if role == "valkey":
            aside = valkey.set_aside_damage(self.plan.home / "valkey", tail(child.log))
            if aside:
                self.tell(f"{role}: 日志文件已损坏，已移至 its journal was damaged, now in {aside}")
                child.start_at = 0
        pause = max(child.start_at - time.monotonic(), 0)
        # Whoever is killed from outside had no time to say why: its last line would mislead.
        why = f": {last_words(child.log)}" if status >= 0 else ""
        self.tell(
            f"{role}: 意外退出 ended ({words(status)}), {pause:.1f} s 后重启 before a new start; "
            f"logs/{role}.log{why}"
        )

    # ---- in the foreground ----

    def run(self) -> int:
        """Keep the children running until SIGTERM, SIGINT or SIGHUP; return the exit status."""
        with Signals() as signals:
            try:
                self._watch(signals)
            finally:
                self._stop(signals.wait)
        return 0

    def _watch(self, signals: Signals) -> None:
        greeted = False
        warn_at = time.monotonic() + SLOW_START_S
        while True:
            self.step()
            if not greeted and self.all_ready():
                greeted = True
                show(self.plan.banner)
            if not greeted and time.monotonic() > warn_at:
                warn_at += SLOW_START_S
                self.tell(f"还在等待 still waiting for: {', '.join(self.waiting_for())}")
            for child in self.children:
                rotate_live(child.log)
            came = signals.wait(self.pause())
            if came & STOPPING:
                self.tell("正在停止 stopping")
                return

    # ---- around a block ----

    def start(self, patience_s: float = 60.0) -> None:
        """Start everything and wait until it is ready; else stop it and raise StartFailed."""
        deadline = time.monotonic() + patience_s
        try:
            while True:
                self.step()
                if self.all_ready():
                    return
                if time.monotonic() > deadline:
                    raise StartFailed(", ".join(self.waiting_for()))
                time.sleep(0.05)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything in order; returns within 15 s."""
        self._stop(_sleep)

    def __enter__(self) -> Supervisor:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # ---- stopping ----

    def _stop(self, wait: Wait) -> None:
        deadline = time.monotonic() + STOP_S
        by_role = {child.spec.role: child for child in self.children}
        order = [by_role[spec.role] for spec in self.plan.in_stop_order()]
        stages = [list(found) for _, found in groupby(order, key=_stage)]
        for number, stage in enumerate(stages):
            later = sum(max(c.spec.share_s for c in rest) for rest in stages[number + 1 :])
            if self._stop_stage(stage, deadline - later, wait):
                deadline = 0.0  # asked twice: no more patience

    def _stop_stage(self, stage: list[Child], deadline: float, wait: Wait) -> bool:
        for child in stage:
            child.signal(signal.SIGTERM)
        began, hurried, impatient = time.monotonic(), False, False
        while left := [child for child in stage if child.running]:
            now = time.monotonic()
            if now >= deadline or impatient:
                for child in left:
                    child.kill()
            elif now >= deadline - HURRY_S and not hurried:
                hurried = True
                for child in left:
                    child.hurry()
            self._reap(left)
            # make passes a Ctrl-C on at once; only a later one was meant.
            impatient = impatient or (signal.SIGINT in wait(0.05) and now - began > 1)
        return impatient

    def _reap(self, children: list[Child]) -> None:
        for child in children:
            status = child.ended()
            if status is not None:
                self.tell(f"{child.spec.role}: 已停止 stopped ({words(status)})")


def _stage(child: Child) -> str:
    """Both workers stop side by side."""
    return child.spec.role.partition("-")[0]


def _sleep(seconds: float) -> set[int]:
    time.sleep(seconds)
    return set()
