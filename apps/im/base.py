"""The public face of the platforms: what entrances, the outbox and a new platform import."""

from __future__ import annotations

from apps.im.errors import BotBroken, DeliveryError, Later, Permanent, TokenExpired, UnknownOutcome
from apps.im.platform import MAX_BODY, Platform
from apps.im.registry import UnknownPlatform, all_platforms, get_platform
from apps.im.shapes import (
    Abilities,
    Check,
    Facts,
    FileLink,
    Heard,
    Inbound,
    InboundRequest,
    Link,
    Media,
    Outgoing,
    Place,
    Rate,
    Received,
    SendContext,
    Sent,
    Setting,
    Verdict,
    accept,
    challenge,
    control,
    ignore,
    reject,
)

platforms = all_platforms

__all__ = [
    "MAX_BODY",
    "Abilities",
    "BotBroken",
    "Check",
    "DeliveryError",
    "Facts",
    "FileLink",
    "Heard",
    "Inbound",
    "InboundRequest",
    "Later",
    "Link",
    "Media",
    "Outgoing",
    "Permanent",
    "Place",
    "Platform",
    "Rate",
    "Received",
    "SendContext",
    "Sent",
    "Setting",
    "TokenExpired",
    "UnknownOutcome",
    "UnknownPlatform",
    "Verdict",
    "accept",
    "all_platforms",
    "challenge",
    "control",
    "get_platform",
    "ignore",
    "platforms",
    "reject",
]
