"""Looks at one model step by step, as `model check` and the admin's Test show it."""

from __future__ import annotations

from collections.abc import Iterator

from apps.core.i18n import both
from apps.core.loop import outside
from apps.llm import chat
from apps.llm.errors import Auth, ModelError, Network
from apps.llm.finding import Finding
from apps.llm.shapes import Ask, user
from apps.llm.target import Target

__all__ = ["Finding", "check"]


def check(target: Target, kind: str = "chat") -> Iterator[Finding]:
    """Give one finding after the other, as each is known; for synchronous code.

    Costs a few hundred tokens of the model. Never raises for what the model does.
    """
    ask = Ask((user("Say pong."),), max_tokens=16)
    try:
        outside.submit(chat.exchange(target, ask)).result()
    except Network as error:
        yield Finding("reachable", False, error.texts().format(**error.params))
        return
    except Auth as error:
        yield Finding("reachable", True, both("可以连接。", "It can be reached."))
        yield Finding("key", False, error.texts().format(**error.params))
        return
    except ModelError as error:
        yield Finding("chat", False, error.texts().format(**error.params))
        return
    yield Finding("reachable", True, both("可以连接。", "It can be reached."))
    yield Finding("key", True, both("密钥有效。", "The key is accepted."))
    yield Finding("chat", True, both("可以对话。", "It answers."))
