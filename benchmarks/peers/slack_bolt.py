"""slack-bolt as a system: one process under uvicorn, in its plain and its asynchronous form."""

from __future__ import annotations

from benchmarks.dialects import Slack
from benchmarks.load import Target
from benchmarks.system import System


class SlackBolt(System):
    """What a bot on Slack's framework costs; `api` stands for Slack's API."""

    name = "slack-bolt"
    app = "benchmarks.peers.slack_bolt_app:api"

    def __init__(self, api: str) -> None:
        super().__init__()
        self.api = api
        self.target = Target(self.port, Slack())

    def start(self) -> None:
        """One web process."""
        self.uvicorn(self.app, PEER_API=self.api)
        self.ready()


class SlackBoltAsync(SlackBolt):
    """The same on AsyncApp."""

    name = "slack-bolt-async"
    app = "benchmarks.peers.slack_bolt_async_app:api"
