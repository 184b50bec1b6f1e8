"""A peer with a Valkey of its own, the same program with the same flags as the embedded one."""

from __future__ import annotations

from pathlib import Path

from apps.console.supervisor import valkey
from benchmarks.system import System


class WithBroker(System):
    """A system whose first process is a Valkey on a private socket."""

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.home / "broker.sock"

    def start_broker(self) -> None:
        """Return when it listens."""
        data = self.home / "data"
        data.mkdir(exist_ok=True)
        self.spawn(*valkey.argv(valkey.program(), self.socket, data))
        self.wait(self.socket.exists, "the broker's socket")

    def stop(self) -> None:
        """End all of it, so that it can be started again."""
        super().stop()
        self.socket.unlink(missing_ok=True)
