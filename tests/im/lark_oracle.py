"""Feishu's own SDK, in a process of its own because importing it takes seconds.

Reads a JSON list of `{"key", "token", "headers", "body"}` and writes, for each, what the SDK hands
to a message handler (the text's `content`), or null when it refuses.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import lark_oapi as lark
from lark_oapi.core.model import RawRequest


def opened(case: dict[str, Any]) -> str | None:
    """The content of the message in an event, if the SDK accepts it."""
    found: list[str] = []
    builder = lark.EventDispatcherHandler.builder(case["key"], case["token"], lark.LogLevel.ERROR)
    builder.register_p2_im_message_receive_v1(lambda data: found.append(data.event.message.content))
    request = RawRequest()
    request.uri, request.headers = "/", case["headers"]
    request.body = case["body"].encode()
    answer = builder.build().do(request)
    return found[0] if answer.status_code == 200 and found else None


if __name__ == "__main__":
    print(json.dumps([opened(case) for case in json.load(sys.stdin)]))
