"""Estimates tokens where a vendor tells none.

A Latin letter is about 0.3 of a token and a Chinese character about 0.6, says
api-docs.deepseek.com/quick_start/token_usage; models of others differ by a third either way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from apps.core import strictjson

PER_MESSAGE = 4  # what templates put round each
PER_PICTURE = 1000
#: No call of any model has more: what a server tells beyond is nonsense, and goes into budgets.
MOST = 100_000_000


def told(value: Any) -> TypeGuard[int]:
    """Is that a number of tokens that a server may tell?"""
    return type(value) is int and 0 <= value <= MOST


def estimate(text: str) -> int:
    """About how many tokens that text is."""
    plain = sum(1 for character in text if character < "\u2e80")
    wide = len(text) - plain
    return math.ceil(plain * 0.3 + wide * 0.6)


def of_request(body: Mapping[str, Any]) -> int:
    """About how many tokens a request for an answer is."""
    total = sum(_of_message(message) for message in body.get("messages", ()))
    for key in ("tools", "response_format"):
        if key in body:
            total += estimate(strictjson.dumps(body[key]))
    return total


def _of_message(message: Mapping[str, Any]) -> int:
    content = message.get("content") or ""
    if isinstance(content, str):
        total = estimate(content)
    else:
        total = sum(
            estimate(part["text"]) if part.get("type") == "text" else PER_PICTURE
            for part in content
        )
    if calls := message.get("tool_calls"):
        total += estimate(strictjson.dumps(calls))
    return total + PER_MESSAGE
