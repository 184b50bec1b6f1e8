"""What this installation has seen of a bot: what a vendor's API cannot tell, its traffic does.

Accepted events and clicks are in the database. What leaves no row there (refused requests, checks
of the address) is noted in Redis; a Redis that forgets it costs nothing but a hint.
"""

from __future__ import annotations

import threading
import time

import redis
import structlog
from django.apps import apps
from django.db.models import Max

from apps.core import clock
from apps.core.redis import client
from apps.im.models import Bot, Delivery
from apps.im.shapes import Facts

log = structlog.get_logger(__name__)
KEPT_S = 30 * 86400
#: One process writes the same thing down so often at most.
PAUSE_S = 5.0
#: So many of the last messages are looked through for buttons.
LOOKED_AT = 200
_CLICKS = ("card_action", "form")
_AWAY = (redis.RedisError, OSError)
_lock = threading.Lock()
_noted: dict[tuple[int, str], float] = {}


def due(bot: int, what: str) -> bool:
    """Is it worth writing down now? Once every few seconds."""
    now = time.monotonic()
    with _lock:
        if now - _noted.get((bot, what), -PAUSE_S) < PAUSE_S:
            return False
        _noted[(bot, what)] = now
        return True


def note(bot: int, what: str, reason: str = "") -> None:
    """Write down that something (`refused`, `challenge`) happened just now. Never raises."""
    try:
        pipe = client().pipeline(transaction=False)
        pipe.hset(_key(bot), mapping={f"{what}_at": str(clock.timestamp()), what: reason})
        pipe.expire(_key(bot), KEPT_S)
        pipe.execute()
    except _AWAY as error:
        log.warning("facts.redis_away", error=type(error).__name__)


def facts_of(bot: Bot, address: str) -> Facts:
    """Everything that is known; `address` is where its vendor is to send events."""
    messages = apps.get_model("assistant", "Message")._default_manager.filter(bot=bot)
    clicks = messages.filter(kind__in=_CLICKS)
    noted = _noted_in_redis(bot.pk)
    return Facts(
        event_at=_seconds(messages.aggregate(at=Max("created_at"))["at"]),
        click_at=_seconds(clicks.aggregate(at=Max("created_at"))["at"]),
        challenge_at=float(noted.get("challenge_at", 0)),
        refused_at=float(noted.get("refused_at", 0)),
        refused_reason=noted.get("refused", ""),
        buttons_at=_buttons_at(bot),
        address=address,
    )


def _buttons_at(bot: Bot) -> float:
    rows = Delivery.objects.filter(bot=bot, state="sent").order_by("-pk")
    for card, sent_at in rows.values_list("card", "sent_at")[:LOOKED_AT]:
        if card.get("buttons"):
            return _seconds(sent_at)
    return 0


def _noted_in_redis(bot: int) -> dict[str, str]:
    try:
        found = client().hgetall(_key(bot))
    except _AWAY as error:
        log.warning("facts.redis_away", error=type(error).__name__)
        return {}
    return {_text(name): _text(value) for name, value in found.items()}


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


def _seconds(at: object) -> float:
    return float(at.timestamp()) if hasattr(at, "timestamp") else 0.0


def _key(bot: int) -> str:
    return f"clawdbot:bot:{bot}:seen"
