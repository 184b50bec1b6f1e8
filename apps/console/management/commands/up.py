"""`manage.py up`: first start if needed, then everything as children of one process."""

from __future__ import annotations

import os
import sys
import tempfile
from argparse import ArgumentTypeError
from collections.abc import Set
from dataclasses import replace
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, connections

from apps.console.supervisor.banner import banner
from apps.console.supervisor.first_start import ensure_installed
from apps.console.supervisor.home import Refused, prepare
from apps.console.supervisor.leftovers import end_leftovers
from apps.console.supervisor.lines import say
from apps.console.supervisor.lock import HomeLock, Taken
from apps.console.supervisor.plan import PARTS, child_env, plan_for, ports_for
from apps.console.supervisor.ports import trouble
from apps.console.supervisor.spec import Plan
from apps.console.supervisor.valkey import NoServer
from apps.im import bots
from apps.llm import actions as models

FAILED, REFUSED = 1, 2


def parts(text: str) -> frozenset[str]:
    """The value of --only."""
    found = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not found or not found <= set(PARTS):
        raise ArgumentTypeError(f"choose some of {','.join(PARTS)}")
    return found


class Command(BaseCommand):
    """Prepare, then become the supervisor."""

    help = "Start web, workers, beat and Flower, and keep them running. 启动并看护全部进程。"
    # The checks of models and admin take longer than everything else here; `check` runs them.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """--only."""
        parser.add_argument(
            "--only",
            type=parts,
            default=frozenset(PARTS),
            metavar="PARTS",
            help=f"some of {','.join(PARTS)}, separated by commas 只启动其中几部分",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Does not return: exit 0 after a signal, 1 when it cannot start, 2 when refused."""
        os.umask(0o077)
        wanted: frozenset[str] = options["only"]
        try:
            lock = self._lock()
            self._check_ports(wanted)
            if ensure_installed():
                say("首次启动完成 first start is done")
            bots.tell_streams()
            models.tell_worker()
            plan = plan_for(wanted)
            plan = replace(plan, banner=tuple(banner(wanted)))
        except Refused as error:
            self._leave(str(error), REFUSED)
        except NoServer as error:
            self._leave(f"没有可用的 Valkey：请设置 REDIS_URL\n{error}", FAILED)
        except Error as error:
            self._leave(f"数据库不可用\nThe database cannot be used: {error}", FAILED)
        except KeyboardInterrupt:
            self._leave("", FAILED)
        self._become(plan, lock)

    def _lock(self) -> HomeLock:
        home = settings.CLAWDBOT_HOME
        prepare(home)
        lock = HomeLock(home)
        try:
            lock.acquire("up")
        except Taken as error:
            holder = error.holder
            self._leave(
                f"{home} 已有进程在运行：{holder.what}（pid {holder.pid}）\n"
                f"{home} is in use: {holder.what} runs (pid {holder.pid})",
                REFUSED,
            )
        for role in end_leftovers(home):
            say(f"{role}: 已结束上次遗留的进程 ended a process left by an earlier run")
        return lock

    def _check_ports(self, wanted: Set[str]) -> None:
        for port in ports_for(wanted):
            why = trouble(port)
            if why:
                self._leave(why, FAILED)

    def _leave(self, why: str, status: int) -> NoReturn:
        self.stderr.write(why)
        sys.exit(status)

    def _become(self, plan: Plan, lock: HomeLock) -> NoReturn:
        """Go on as a fresh process: the same pid, the same lock, nothing of what was done here."""
        connections.close_all()
        with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
            file.write(plan.to_json())
            file.seek(0)
            os.set_inheritable(file.fileno(), True)
            numbers = [str(lock.keep_over_exec()), str(file.fileno())]
            self.stdout.flush()
            os.chdir(settings.BASE_DIR)
            shown = ["manage.py", *sys.argv[1:]]
            command = [sys.executable, "-m", "apps.console.supervisor", *numbers, *shown]
            env = os.environ | child_env()  # its forks read the settings in it, too
            os.execve(sys.executable, command, env)  # noqa: S606 - our own program
