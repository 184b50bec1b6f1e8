"""RabbitMQ for the tests: a node of our own with its own name, folder, ports and epmd."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from tests.services.process import Missing, PrivateServer, free_port, program

VARIABLE = "CLAWDBOT_TEST_AMQP_URL"
# The wrapper on PATH insists on the machine's own node; the script behind it does not.
FOLDERS = (Path("/usr/lib/rabbitmq/bin"), Path("/opt/homebrew/opt/rabbitmq/sbin"))


class RabbitMQ:
    """A running node; `url` is what CELERY_BROKER_URL takes."""

    def __init__(self) -> None:
        server, epmd = program("rabbitmq-server", *FOLDERS), program("epmd")
        self.process = PrivateServer("mq", user="rabbitmq")
        self.port, names = free_port(), free_port()
        self._environment = self._env(names)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        try:
            # Otherwise the node starts an epmd that outlives it.
            self.process.start([epmd, "-port", str(names), "-address", "127.0.0.1"])
            self.process.wait(lambda: _listens(names))
            self.process.start([server], env=self._environment)
            self.process.wait(lambda: _listens(self.port))
        except BaseException:
            self.stop()
            raise

    def _env(self, names: int) -> dict[str, str]:
        folder = self.process.folder
        plugins, config = folder / "plugins", folder / "rabbitmq.conf"
        plugins.write_text("[].\n")
        config.write_text("loopback_users = none\nvm_memory_high_watermark.relative = 0.2\n")
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),  # where Erlang keeps its cookie
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"clawdbot-test-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the node instead of watching it
        }

    def control(self, *words: str) -> str:
        """A command of rabbitmqctl on this node; returns what it says."""
        return self.process.run([program("rabbitmqctl", *FOLDERS), *words], env=self._environment)

    def stop(self) -> None:
        """End the node, then its epmd."""
        self.process.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def named() -> str:
    """The server that somebody named, or nothing."""
    return os.environ.get(VARIABLE, "")


__all__ = ["Missing", "RabbitMQ", "named"]
