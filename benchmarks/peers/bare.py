"""The bare handler as a system: a Valkey of its own, one web process, one consumer."""

from __future__ import annotations

from benchmarks.dialects import StandardWebhooks
from benchmarks.load import Target
from benchmarks.peers.broker import WithBroker


class Bare(WithBroker):
    """The limit to compare with; with `consume=False` only its web side, for acknowledgements."""

    name = "bare"

    def __init__(self, reply: str, consume: bool = True) -> None:
        super().__init__()
        self.reply, self.consume = reply, consume
        self.target = Target(self.port, StandardWebhooks("/"))

    def start(self) -> None:
        """Valkey, web, consumer."""
        self.start_broker()
        env = {"PEER_REDIS": f"unix://{self.socket}", "PEER_REPLY": self.reply}
        self.uvicorn("benchmarks.peers.bare_app:app", **env)
        if self.consume:
            self.python("benchmarks.peers.bare_app", **env)
        self.ready()
