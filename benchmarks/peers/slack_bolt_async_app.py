"""The asynchronous form of Slack's framework, on aiohttp; otherwise as slack_bolt_app.py."""

from __future__ import annotations

import os
from typing import Any

from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from benchmarks.dialects import SLACK_SECRET

client = AsyncWebClient(token="xoxb-benchmark", base_url=os.environ["PEER_API"])
app = AsyncApp(client=client, signing_secret=SLACK_SECRET)


@app.message("/ping")
async def ping(message: dict[str, Any], say: Any) -> None:
    """Answer in the thread of the message, by which the answer is known."""
    await say(text="pong", thread_ts=message["ts"])


api = AsyncSlackRequestHandler(app)
