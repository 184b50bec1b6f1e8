"""One call to one platform, and its outcome in our own words."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog

from apps.core.logging import bind_trace
from apps.im import attempt
from apps.im.base import (
    BotBroken,
    DeliveryError,
    Later,
    Outgoing,
    Permanent,
    Platform,
    SendContext,
    TokenExpired,
    UnknownOutcome,
)
from apps.im.models import Delivery

log = structlog.get_logger(__name__)
#: One attempt with all its calls; with the longest wait before it, it ends within the lease.
LONGEST_S = 14.0
#: Between two attempts of a bot that the platform refuses.
BROKEN_S = 5.0
Kind = Literal["sent", "later", "unknown", "failed"]


@dataclass(frozen=True)
class Parcel:
    """A leased delivery with everything that sending it needs."""

    delivery: Delivery
    platform: Platform
    context: SendContext
    outgoing: Outgoing
    update: bool


@dataclass(frozen=True)
class Result:
    """What became of one attempt; `delay_s` is what the platform asked to wait."""

    delivery: Delivery
    platform: str
    kind: Kind
    platform_message_id: str = ""
    error: str = ""
    delay_s: float = 0.0
    context: Mapping[str, Any] = field(default_factory=dict)
    #: The platform refuses the bot, not this message.
    broken: bool = False


async def transmit(parcel: Parcel) -> Result:
    """Send or update once; every error becomes a result."""
    delivery, name = parcel.delivery, parcel.platform.name
    with bind_trace(delivery.trace_id), attempt.begun() as done:
        try:
            call = parcel.platform.update if parcel.update else parcel.platform.send
            async with asyncio.timeout(LONGEST_S):
                sent = await call(parcel.context, parcel.outgoing)
        except BotBroken as error:
            done |= error.done
            return Result(delivery, name, "later", "", str(error), BROKEN_S, done, True)
        except Permanent as error:
            return Result(delivery, name, "failed", error=str(error), context=done | error.done)
        except Later as error:
            return Result(delivery, name, "later", "", str(error), error.delay_s, done | error.done)
        except UnknownOutcome as error:
            return Result(delivery, name, "unknown", error=str(error), context=done | error.done)
        except TimeoutError:
            slow = f"took more than {LONGEST_S:.0f} s"
            return Result(delivery, name, "unknown", error=slow, context=done)
        except (TokenExpired, DeliveryError) as error:
            return Result(delivery, name, "later", error=str(error), context=done | error.done)
        except Exception as error:
            # A fault of the adapter: what reached the platform cannot be known.
            log.exception("delivery.adapter_failed", delivery=delivery.pk)
            what = f"{type(error).__name__}: {error}"
            return Result(delivery, name, "unknown", error=what, context=done)
        return Result(delivery, name, "sent", sent.platform_message_id, context=sent.context)
