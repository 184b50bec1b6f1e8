"""Slack's own framework as its documents show it, with its request checks on.

It keeps nothing, drops no repeats, and answers from the web process itself.
"""

from __future__ import annotations

import os
from typing import Any

from slack_bolt import App
from slack_bolt.adapter.asgi import SlackRequestHandler
from slack_sdk import WebClient

from benchmarks.dialects import SLACK_SECRET

client = WebClient(token="xoxb-benchmark", base_url=os.environ["PEER_API"])
app = App(client=client, signing_secret=SLACK_SECRET)


@app.message("/ping")
def ping(message: dict[str, Any], say: Any) -> None:
    """Answer in the thread of the message, by which the answer is known."""
    say(text="pong", thread_ts=message["ts"])


api = SlackRequestHandler(app)
