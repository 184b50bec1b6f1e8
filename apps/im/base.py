"""The public face of the platforms: what entrances, the outbox and a new platform import."""

from __future__ import annotations

from apps.im.errors import DeliveryError, Later, Permanent, TokenExpired, UnknownOutcome
from apps.im.platform import MAX_BODY, Platform
from apps.im.registry import UnknownPlatform, all_platforms, get_platform
from apps.im.shapes import (
    Abilities,
    Check,
    Inbound,
    InboundRequest,
    Outgoing,
    Received,
    SendContext,
    Sent,
    Setting,
    Verdict,
    accept,
    challenge,
    ignore,
    reject,
)

platforms = all_platforms

__all__ = [
    "MAX_BODY",
    "Abilities",
    "Check",
    "DeliveryError",
    "Inbound",
    "InboundRequest",
    "Later",
    "Outgoing",
    "Permanent",
    "Platform",
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
    "get_platform",
    "ignore",
    "platforms",
    "reject",
]
