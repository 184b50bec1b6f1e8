"""Answers of a bot that WeCom calls back: in the polled stream, else through a `response_url`.

The stream is the way that people watch: it is written into the store, and the answer counts as
sent once a poll was answered with it. When nobody polls any more, the answer takes its one other
way, the `response_url` of the message. Which of the two it was is decided once, in the store
(`aibot_store.take`), so that nothing is seen twice.

What was done is kept in the delivery (`DeliveryError.done`, `Sent.context`): "written" (the final
text lies in the store) and "shown" (the stream ended with it; only what did not fit is left).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import structlog

from apps.core import clock
from apps.im import aibot_api, aibot_card, aibot_store
from apps.im.aibot_card import Drawn
from apps.im.aibot_control import LIFE_S
from apps.im.aibot_store import Away
from apps.im.errors import DeliveryError, Later, Permanent, UnknownOutcome
from apps.im.shapes import Outgoing, SendContext, Sent

log = structlog.get_logger(__name__)
#: After so long without a poll nobody fetches the stream any more.
QUIET_S = 15.0
#: The platform stops polling 6 minutes after the message.
POLLS_END_S = 360.0
#: A little less than the hour for which a `response_url` is valid.
URL_LIFE_S = 3500.0
_STORE_PAUSE_S = 3.0
NO_WAY = "the stream is over and there is no unused reply address"


class NoWay(Permanent):
    """This bot cannot write into that chat by itself now: {why}."""

    code = "aibot_no_way"
    zh = "这个机器人现在不能主动往这个会话发消息：{why}。"


async def progress(out: Outgoing) -> Sent:
    """Show progress in the stream; where there is none (a click, a late job) nothing is shown."""
    stream = _stream(out)
    if not stream or _age(out) > LIFE_S:
        return Sent("")
    words = aibot_card.draw(out, buttons=False).pieces[0]
    with contextlib.suppress(Away):  # the answer matters, and must not wait for this
        await aibot_store.show(stream, words)
    return Sent(stream)


async def send(ctx: SendContext, out: Outgoing) -> Sent:
    """Show an answer or a notice.

    Raises `NoWay` when neither the stream nor an address is left, and as `aibot_api.respond`.
    """
    drawn = aibot_card.draw(out, files="pictures")
    streams = out.role == "answer" and _stream(out) and not _elsewhere(out)
    if streams and (out.context.get("shown") or await _in_stream(out, drawn)):
        return await _rest(ctx, out, drawn)
    return await _by_url(ctx, out)


async def _in_stream(out: Outgoing, drawn: Drawn) -> bool:
    """End the stream with this; False when it is to go another way.

    Raises `UnknownOutcome` while the platform may still fetch it.
    """
    stream, other_way = _stream(out), bool(_own_url(out))
    polls_over = _age(out) > POLLS_END_S
    try:
        if _age(out) > LIFE_S and not out.context.get("written"):
            return await aibot_store.take(stream, "away") == "stream"
        found = await aibot_store.finish(stream, drawn.final)
        if found.route:
            return found.route == "stream"
        asked = max(found.polled, float(out.context.get("arrived", 0)))
        if clock.timestamp() - asked > QUIET_S and (other_way or polls_over):
            return await aibot_store.take(stream, "away") == "stream"
        if await aibot_store.wait_shown(stream):
            return True
        if (await aibot_store.look(stream)).route == "stream":
            return True
    except Away as error:
        return _without_store(out, error)
    raise _kept(UnknownOutcome("the platform has not fetched the answer yet"), written=True)


def _without_store(out: Outgoing, error: Away) -> bool:
    """Redis is away: what was never written there cannot be fetched, so another way is safe."""
    written = out.context.get("written") or out.again
    if written and _age(out) < POLLS_END_S:
        raise _kept(Later("the store of streams is away", delay_s=_STORE_PAUSE_S)) from error
    return False


async def _rest(ctx: SendContext, out: Outgoing, drawn: Drawn) -> Sent:
    """After the stream: what did not fit, or keep the address for later words."""
    done = Sent(_stream(out), {"shown": True})
    url, ends = _own_url(out), float(out.context.get("arrived", 0)) + URL_LIFE_S
    if len(drawn.pieces) > 1 and url:
        rest = aibot_card.within(drawn.pieces[1:], 1, out.language)[0]
        try:
            await _post(ctx, out, url, _markdown(rest))
        except DeliveryError as error:
            if isinstance(error, Permanent):
                log.warning("aibot.rest_refused", code=error.vendor_code)
                return done  # the answer was seen, and its end is in the web chat
            raise _kept(error, shown=True) from error
    elif url:
        with contextlib.suppress(Away):
            await aibot_store.spare(ctx.bot_id, out.chat_id, url, ends)
    return done


async def _by_url(ctx: SendContext, out: Outgoing) -> Sent:
    """One message through an address: the message's own, else one that was kept for this chat."""
    drawn = aibot_card.draw(out, buttons=False)
    body = _markdown(aibot_card.within(drawn.pieces, 1, out.language)[0])
    # In a group the platform takes no template card here (path 101138).
    card = aibot_card.whole_card(out) if out.chat_type == "private" or out.private_to else None
    if card is not None:
        body = {"msgtype": "template_card", "template_card": card}
    await _post(ctx, out, await _address(ctx, out), body)
    return Sent("")


async def _address(ctx: SendContext, out: Outgoing) -> str:
    """An address that is ours to use. Raises `NoWay` when there is none."""
    url = _own_url(out)
    if url and not _elsewhere(out) and await _owned(url, out.key):
        return url
    chat = out.private_to or out.chat_id
    try:
        kept = await aibot_store.take_spare(ctx.bot_id, chat, out.key, clock.timestamp())
    except Away as error:
        raise Later("the store of reply addresses is away", delay_s=_STORE_PAUSE_S) from error
    if not kept:
        raise NoWay(NO_WAY)
    return kept


async def _owned(url: str, key: str) -> bool:
    try:
        return bool(await aibot_store.own_url(url, key))
    except Away:
        return True  # nobody can tell; the platform takes an address once in any case


async def _post(ctx: SendContext, out: Outgoing, url: str, body: Mapping[str, Any]) -> None:
    """Use an address. It shows one message only, so that a repeat to it does no harm."""
    state = "maybe" if out.context.get("posting") else "fresh"
    with contextlib.suppress(Away):
        state = await aibot_store.own_url(url, out.key)
        if not state:
            raise NoWay(NO_WAY)
        if state == "used":
            return
        await aibot_store.mark_url(url, "maybe")
    try:
        await aibot_api.respond(ctx, url, body)
    except (UnknownOutcome, aibot_api.Unsure) as error:
        raise _kept(error, posting=True) from error
    except aibot_api.Rejected as error:
        if state == "fresh":
            await _mark(url, "fresh")
            raise
        # An earlier attempt of ours used the address up: that is why it is refused.
        log.info("aibot.address_was_taken", code=error.vendor_code)
    except DeliveryError:
        if state == "fresh":
            await _mark(url, "fresh")
        raise
    await _mark(url, "used")


async def _mark(url: str, state: Any) -> None:
    with contextlib.suppress(Away):
        await aibot_store.mark_url(url, state)


def _kept(error: DeliveryError, **done: Any) -> DeliveryError:
    """The error with what the next attempt has to know."""
    error.done = {**error.done, **done}
    return error


def _markdown(text: str) -> dict[str, Any]:
    return {"msgtype": "markdown", "markdown": {"content": text}}


def _stream(out: Outgoing) -> str:
    return str(out.context.get("stream_id") or "")


def _own_url(out: Outgoing) -> str:
    """The address of the message that is answered, while it is valid."""
    return str(out.context.get("response_url") or "") if _age(out) < URL_LIFE_S else ""


def _elsewhere(out: Outgoing) -> bool:
    """Is it for one person of a group? Then neither stream nor address of the group will do."""
    return bool(out.private_to) and out.private_to != out.chat_id


def _age(out: Outgoing) -> float:
    return clock.timestamp() - float(out.context.get("arrived", 0))
