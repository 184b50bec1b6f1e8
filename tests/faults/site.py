"""A whole installation with a fault proxy before everything that it talks to.

With servers it is laid out as compose does it: web and beat on one machine, the workers on another,
each machine with proxies of its own, so that one can be cut off and the other not. Embedded it is
one `up`, with proxies before the platforms' APIs alone.
"""

from __future__ import annotations

import functools
import secrets
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis as redis_client

from apps.simulate.feishu import FeishuStand
from apps.simulate.webhook import WebhookStand
from tests.faults.load import DESK, GUEST, OWN, PEOPLE, PROBES
from tests.faults.proxy import Proxy
from tests.services import redis
from tests.services.disk import SmallDisk
from tests.services.postgres import FLAGS, Postgres
from tests.services.process import Missing
from tests.services.rabbitmq import RabbitMQ
from tests.stack import trials
from tests.stack.installation import ROOT, Installation

EMBEDDED, REDIS, RABBIT = "embedded", "redis", "rabbitmq"
SETUPS = (EMBEDDED, REDIS, RABBIT)
DISK_MB = 512
# A commit that was answered survives a crash of the server (if not a power cut), and old files of
# the journal are not kept for later, so that a full disk is felt at once.
PATIENT = {"synchronous_commit": "on", "wal_recycle": "off", "min_wal_size": "32MB"}
SKILLS = [f"skill.{name}" for name in trials.NAMES]


class Machine(Installation):
    """One data folder, its `up` with some of the parts, and its proxies by what they lead to."""

    HAND = "tests.faults.inside"

    def __init__(self, home: Path, parts: str, proxies: dict[str, Proxy], **env: str) -> None:
        super().__init__(home, **env)
        self.parts = ("--only", parts) if parts else ()
        self.proxies = proxies
        self.direct: dict[str, str] = {}

    def hand_env(self) -> dict[str, str]:
        """The hand's way to the database leads through no proxy."""
        return self.env | self.direct

    def rise(self) -> None:
        """Start what belongs to it."""
        self.up(*self.parts)

    @property
    def broker(self) -> Proxy:
        """The way to Celery's broker."""
        return self.proxies.get("amqp") or self.proxies["redis"]


@dataclass
class Servers:
    """What runs outside: nothing when embedded."""

    postgres: Postgres | None = None
    redis: redis.Redis | None = None
    rabbit: RabbitMQ | None = None

    def start(self, setup: str) -> None:
        """Start what this set-up needs. Raises Missing."""
        if setup == EMBEDDED:
            return
        self.postgres = Postgres(FLAGS | PATIENT, DISK_MB if can_mount() else 0)
        self.redis = redis.installed()
        if setup == RABBIT:
            self.rabbit = RabbitMQ()

    def stop(self) -> None:
        """End all."""
        for server in (self.rabbit, self.redis, self.postgres):
            if server is not None:
                server.stop()


@dataclass
class Site:
    """Everything is running between `with` and its end."""

    setup: str
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="cb-faults-")))
    machines: list[Machine] = field(default_factory=list)

    def __enter__(self) -> Site:
        self.own, self.desk = WebhookStand(), FeishuStand()
        self.servers = Servers()
        self.keys = secrets.token_urlsafe(48)
        self._end = ExitStack()
        try:
            self._prepare()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for machine in self.machines:
            machine.end()
        self._end.close()
        self.servers.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- its parts ----

    @property
    def front(self) -> Machine:
        """Web and beat (and everything else when embedded)."""
        return self.machines[0]

    @property
    def back(self) -> Machine:
        """The workers."""
        return self.machines[0] if self.setup == EMBEDDED else self.machines[1]

    @property
    def python_path(self) -> str:
        """On which the trial skills are installed."""
        return f"{self.folder / 'skills'}:{ROOT}"

    @property
    def ledger(self) -> Path:
        """Where `charge` writes down what it did."""
        return self.folder / "ledger"

    def ask(self, name: str, **arguments: Any) -> Any:
        """Call a function of tests/faults/inside.py."""
        return self.front.ask(name, **arguments)

    def redis(self) -> redis_client.Redis:
        """A way to Redis that leads through no proxy."""
        if self.servers.redis is not None:
            return redis_client.Redis.from_url(self.servers.redis.url)
        return redis_client.Redis.from_url(f"unix://{self.front.home / 'run' / 'valkey.sock'}")

    def spare(self, parts: str = "worker", **env: str) -> Machine:
        """One more machine, started now; `end` it when it is no longer needed."""
        if "PYTHONPATH" in env:
            env["PYTHONPATH"] += f":{self.python_path}"
        machine = self._machine(f"spare{len(self.machines)}", parts, **env)
        machine.rise()
        return machine

    def complaints(self) -> str:
        """The last errors in everybody's logs."""
        return "\n".join(machine.complaints() for machine in self.machines)

    @property
    def disks(self) -> dict[str, SmallDisk]:
        """The disks that can be filled, by what is on them; none unless we are root."""
        found = {"home": self._disk}
        found["database"] = self.servers.postgres.disk if self.servers.postgres else None
        return {name: disk for name, disk in found.items() if disk is not None}

    # ---- its making ----

    def _prepare(self) -> None:
        self._disk = SmallDisk(self.folder / "disk", DISK_MB) if can_mount() else None
        if self._disk is not None:
            self._end.callback(self._disk.stop)
        for stand in (self.own, self.desk):
            self._end.enter_context(stand)
        self.desk.users |= {f"ou_{name}" for name in PEOPLE}
        self.desk.chats |= {f"oc_{name}" for name in PEOPLE}
        self.api = {
            OWN: self._proxy(_address(self.own.url)),
            DESK: self._proxy(_address(self.desk.url)),
        }
        self.ledger.touch()
        trials.entry_point(self.folder / "skills")
        self.servers.start(self.setup)
        self._machine("front", "" if self.setup == EMBEDDED else "web,beat").rise()
        if self.setup != EMBEDDED:
            self._machine("back", "worker").rise()
        self.web = self._proxy(("127.0.0.1", self.front.port))
        self._people()

    def _proxy(self, upstream: tuple[str, int] | Path) -> Proxy:
        return self._end.enter_context(Proxy(upstream))

    def _machine(self, name: str, parts: str, **env: str) -> Machine:
        proxies: dict[str, Proxy] = {}
        found = {
            "PYTHONPATH": self.python_path,
            trials.LEDGER: str(self.ledger),
            "CLAWDBOT_SECRET_KEYS": self.keys,
        }
        direct = {}
        servers = self.servers
        if servers.postgres is not None and servers.redis is not None:
            proxies["database"] = self._proxy(servers.postgres.socket)
            proxies["redis"] = self._proxy(("127.0.0.1", _address(servers.redis.url)[1]))
            port = proxies["database"].port
            found["DATABASE_URL"] = f"postgres://clawdbot@127.0.0.1:{port}/postgres"
            found["REDIS_URL"] = f"redis://127.0.0.1:{proxies['redis'].port}/0"
            direct["DATABASE_URL"] = servers.postgres.url
        if servers.rabbit is not None:
            proxies["amqp"] = self._proxy(("127.0.0.1", servers.rabbit.port))
            found["CELERY_BROKER_URL"] = f"amqp://guest:guest@127.0.0.1:{proxies['amqp'].port}//"
        for proxy in proxies.values():
            proxy.recording = bytearray()
        # The spare ones come and go, and their logs would fill the disk.
        small = "" if name.startswith("spare") else "disk"
        machine = Machine(self.folder / small / name, parts, proxies, **(found | env))
        machine.direct = direct
        self.machines.append(machine)
        return machine

    def _people(self) -> None:
        home = self.front
        home.add_bot("webhook", OWN, self.own.config(reply_url=f"{self.api[OWN].url}/replies"))
        home.add_bot("feishu", DESK, self.desk.config(api_base=self.api[DESK].url))
        home.ask("allow", role="operator", permissions=SKILLS)
        home.ask("add_people", bot=OWN, names=PEOPLE + PROBES, roles=["member"])
        home.ask("bind", bot=DESK, pairs={name: f"ou_{name}" for name in PEOPLE})
        for name in PEOPLE:
            if name != GUEST:
                home.ask("add_role", person=name, role="operator")


@functools.cache
def can_mount() -> bool:
    """Can we mount a small disk? Not without being root, nor in every container."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            SmallDisk(Path(folder) / "try", 1).stop()
    except Missing:
        return False
    return True


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.partition("//")[2].partition("/")[0].rpartition(":")
    return host, int(port)
