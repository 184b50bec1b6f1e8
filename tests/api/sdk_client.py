"""The official SDK as a client, in a process of its own: lists and calls, prints what it got.

The official implementation is an oracle of the tests; the product never imports it.
"""

from __future__ import annotations

import asyncio
import json
import sys

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client


async def main(url: str, token: str, mode: str) -> None:
    """Visit a server as `auto`, `legacy` or a revision."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode) as client:
            tools = (await client.list_tools()).tools
            echoed = await client.call_tool("echo", {"text": '你好 "a=b"\n'})
            refused = await client.call_tool("cleanup", {})
            wrong = await client.call_tool("echo", {})
            try:
                await client.call_tool("nothing", {})
                unknown = ""
            except Exception as error:  # noqa: BLE001 - whatever the SDK makes of it
                unknown = str(error)
            found = {
                "protocol": client.protocol_version,
                "tools": [tool.name for tool in tools],
                "echo": [echoed.content[0].text, echoed.is_error],
                "cleanup": [refused.content[0].text, refused.is_error],
                "wrong": wrong.is_error,
                "unknown": unknown,
            }
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
