"""Stock Celery as a system: a Valkey of its own, one web process, a prefork worker of two."""

from __future__ import annotations

from benchmarks.dialects import StandardWebhooks
from benchmarks.load import Target
from benchmarks.peers.broker import WithBroker


class StockCelery(WithBroker):
    """`task.delay()` for each message; with `consume=False` without the worker."""

    name = "celery"
    web = "benchmarks.peers.celery_app:view"

    def __init__(self, reply: str, consume: bool = True) -> None:
        super().__init__()
        self.reply, self.consume = reply, consume
        self.target = Target(self.port, StandardWebhooks("/"))

    @property
    def env(self) -> dict[str, str]:
        """What its processes read."""
        return {"PEER_BROKER": f"redis+socket://{self.socket}", "PEER_REPLY": self.reply}

    def start(self) -> None:
        """Valkey, web, worker."""
        self.start_broker()
        self.uvicorn(self.web, **self.env)
        if self.consume:
            app = ["-A", "benchmarks.peers.celery_app:app", "worker", "--concurrency", "2"]
            log = self.home / "log"
            former = log.stat().st_size
            self.python("celery", *app, "-l", "INFO", **self.env)
            self.wait(lambda: b" ready." in log.read_bytes()[former:], "is its worker ready")
        self.ready()
