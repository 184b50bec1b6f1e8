"""Which children `up` needs for which parts, and the command line of each."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.db import connection

from apps.console.supervisor import flower, valkey
from apps.console.supervisor.home import private_sockets
from apps.console.supervisor.ports import Wanted
from apps.console.supervisor.spec import Plan, Spec
from apps.core.private import mark, wanted

PARTS = ("web", "worker", "beat", "flower")
IO_THREADS = 8
#: They only wait; a thread is made when there is a job for it. A job holds two connections to the
#: database (its own and its watch's), of which a PostgreSQL server has a hundred unless told.
MODEL_THREADS = {"sqlite": 200, "postgresql": 24}
#: Seconds without a sign of life after which a child has hung. What it held is leased for 30.
WEB_SILENT_S, WORKER_SILENT_S, BEAT_SILENT_S = 60.0, 60.0, 120.0


def plan_for(parts: Iterable[str]) -> Plan:
    """The plan for some of `PARTS` (`valkey` may be asked for too).

    The embedded Valkey is part of every plan unless REDIS_URL is set. Needs a prepared data folder.
    Raises home.Refused and valkey.NoServer.
    """
    asked = set(parts)
    embedded = [_valkey()] if settings.CLAWDBOT_EMBEDDED_REDIS else []
    builders = {"web": [_web], "worker": [_worker_io, _worker_jobs], "beat": [_beat]}
    builders["worker"] += [_worker_model, _connect]
    builders["flower"] = [_flower]
    specs = [build() for part, found in builders.items() if part in asked for build in found]
    return Plan(settings.CLAWDBOT_HOME, settings.BASE_DIR, (*embedded, *specs))


def ports_for(parts: Iterable[str]) -> list[Wanted]:
    """The ports that these parts listen on."""
    known = {
        "web": Wanted(settings.CLAWDBOT_HOST, settings.CLAWDBOT_PORT, "CLAWDBOT_PORT"),
        "flower": Wanted("127.0.0.1", settings.CLAWDBOT_FLOWER_PORT, "CLAWDBOT_FLOWER_PORT"),
    }
    return [port for part, port in known.items() if part in set(parts)]


def child_env() -> dict[str, str]:
    """What the children read in their environment beside what `up` was given."""
    # A child has another working folder, and Celery itself reads CELERY_BROKER_URL. One arena:
    # else glibc keeps what is free apart for each thread, and a worker grows with every message.
    return {
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "1"),
        "CLAWDBOT_HOME": str(settings.CLAWDBOT_HOME),
        "CELERY_BROKER_URL": settings.CELERY_BROKER_URL,
    }


def _after() -> tuple[str, ...]:
    return ("valkey",) if settings.CLAWDBOT_EMBEDDED_REDIS else ()


def _valkey() -> Spec:
    socket = Path(settings.REDIS_URL.removeprefix("unix://"))
    if socket.parent != settings.CLAWDBOT_HOME / "run":
        private_sockets(settings.CLAWDBOT_HOME)
    argv = valkey.argv(valkey.program(), socket, settings.CLAWDBOT_HOME / "valkey")
    return Spec("valkey", argv, child_env(), ready=f"socket:{socket}", share_s=2)


def _web() -> Spec:
    host, port = settings.CLAWDBOT_HOST, settings.CLAWDBOT_PORT
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - as a question
    flags = {
        "--host": host,
        "--port": str(port),
        "--lifespan": "off",
        "--ws": "websockets-sansio",
        "--ws-max-size": "4096",  # a page sends two numbers
        "--timeout-graceful-shutdown": "2",
    }
    argv = ["uvicorn", "clawdbot.asgi:application", *_flat(flags)]
    argv += ["--no-access-log", "--no-server-header", *_proxies()]
    ready = f"http:{shown}:{port}:/healthz/live"
    return Spec("web", _python(*argv), child_env(), _after(), ready, WEB_SILENT_S, share_s=3)


def _proxies() -> list[str]:
    trusted = settings.CLAWDBOT_TRUSTED_PROXIES
    if not trusted:
        return ["--no-proxy-headers"]
    return ["--proxy-headers", "--forwarded-allow-ips", ",".join(trusted)]


def _worker_io() -> Spec:
    return _worker("worker-io", "threads", IO_THREADS, "control,interactive")


def _worker_jobs() -> Spec:
    return _worker("worker-jobs", "prefork", settings.CLAWDBOT_WORKERS, "normal,batch")


def _worker_model() -> Spec:
    """Not started before there is a language model to wait for."""
    file = wanted(settings.CLAWDBOT_HOME, "worker-model")
    threads = MODEL_THREADS[connection.vendor]
    made = _worker("worker-model", "threads", threads, "model")
    return replace(made, share_s=3, wanted=str(file))


def _worker(role: str, pool: str, size: int, queues: str) -> Spec:
    flags = {
        "-n": f"{role}@%h-{_tag(settings.CLAWDBOT_HOME)}",
        "-P": pool,
        "-c": str(size),
        "-Q": queues,
        "-l": settings.CLAWDBOT_LOG_LEVEL,
    }
    argv = _celery("worker", *_flat(flags), "--without-gossip")
    ready = f"file:{mark(settings.CLAWDBOT_HOME, role)}"
    # SIGQUIT: Celery's cold shutdown gives unfinished messages back to the broker.
    hurry = int(signal.SIGQUIT)
    argv = (*argv, "--without-mingle")
    return Spec(role, argv, child_env(), _after(), ready, WORKER_SILENT_S, share_s=5, hurry=hurry)


def _tag(home: Path) -> str:
    """Tells the workers of two data folders on one machine apart: RabbitMQ takes no name twice."""
    return hashlib.sha256(str(home).encode()).hexdigest()[:6]


def _beat() -> Spec:
    level = settings.CLAWDBOT_LOG_LEVEL
    argv = _celery("beat", "--pidfile=", "-l", level)
    ready = f"file:{mark(settings.CLAWDBOT_HOME, 'beat')}"
    return Spec("beat", argv, child_env(), _after(), ready, BEAT_SILENT_S, share_s=1)


def _flower() -> Spec:
    config = flower.write_config(settings.CLAWDBOT_HOME, settings.CLAWDBOT_FLOWER_PORT)
    # Without -A: by the broker's address alone it saves the memory of Django.
    argv = _python("celery", "flower", f"--conf={config}")
    ready = f"http:127.0.0.1:{settings.CLAWDBOT_FLOWER_PORT}:/flower/healthcheck"
    return Spec("flower", argv, child_env(), _after(), ready, share_s=1)


def _connect() -> Spec:
    """Not started before there is a bot whose connection goes outwards."""
    home = settings.CLAWDBOT_HOME
    ready = f"file:{mark(home, 'connect')}"
    argv = _python("apps.webhooks.connect")
    file = str(wanted(home, "connect"))
    return Spec(
        "connect", argv, child_env(), _after(), ready, WORKER_SILENT_S, share_s=0.5, wanted=file
    )


def _python(*argv: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *argv)


def _celery(*argv: str) -> tuple[str, ...]:
    # Django's checks cost each worker half a second and 6 MB; `manage.py check` makes them.
    return _python("celery", "--skip-checks", "-A", "apps.console.supervisor.inside", *argv)


def _flat(flags: dict[str, str]) -> list[str]:
    return [part for pair in flags.items() for part in pair]
