"""The wall deadline of a question, and the door's errors in the words of models."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator

from apps.core.http import HttpError, Refused, TooLarge
from apps.core.i18n import both
from apps.llm.errors import BadAnswer, BadRequest, Network, Timeout
from apps.llm.target import Target

#: Bytes of one answer, with all that a stream puts round it.
MAX_ANSWER = 8 * 1024 * 1024
#: What the door gets on top, so that the deadline here is the one that ends a call.
SPARE_S = 5.0


def deadline_of(target: Target, seconds: float = math.inf) -> float:
    """When everything has to be done, by the loop's clock: the row's limit or the question's."""
    return asyncio.get_running_loop().time() + min(seconds, target.timeout)


def left(deadline: float) -> float:
    """Seconds for the door."""
    return max(deadline - asyncio.get_running_loop().time(), 0.0) + SPARE_S


@contextlib.asynccontextmanager
async def within(target: Target, deadline: float) -> AsyncIterator[None]:
    """Raises `Timeout` at the deadline, and `Network` and its like for what the door raises."""
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError as error:
        raise Timeout("the deadline passed", model=target.name) from error
    except TooLarge as error:
        why = both("回答过大", "it is too large")
        raise BadAnswer(str(error), model=target.name, why=why) from error
    except Refused as error:
        why = both("不允许访问这个地址", "its address may not be called")
        raise BadRequest(str(error), model=target.name, why=why) from error
    except HttpError as error:
        raise Network(str(error), model=target.name) from error
