"""The official SDK as a server, in a process of its own: prints its port, serves until killed.

The official implementation is an oracle of the tests; the product never imports it.
"""

from __future__ import annotations

import socket
import sys
from typing import Literal

import uvicorn
from mcp.server import MCPServer

server = MCPServer("oracle")


@server.tool()
def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


@server.tool()
def greet(name: str, tone: Literal["kind", "plain"] = "plain") -> str:
    """Greet somebody."""
    return f"{tone}: 你好 {name}"


@server.tool()
def fail() -> str:
    """Fail."""
    raise ValueError("out of paper")


def main(mode: str) -> None:
    """Serve on a free loopback port, with or without sessions, in JSON or in events."""
    stateless, json = "stateless" in mode, "json" in mode
    app = server.streamable_http_app(stateless_http=stateless, json_response=json)
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    print(sock.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[sock])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
