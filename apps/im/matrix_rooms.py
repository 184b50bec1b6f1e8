"""What the bot does about rooms: who is in one, joining, and a room for two.

Source: Matrix client-server API 1.16, "Rooms", and `m.direct` of "Direct messaging", which is where
the bot keeps, at the homeserver, in which room it speaks with whom.
"""

from __future__ import annotations

from typing import Any

from apps.im import matrix_api, matrix_events
from apps.im.errors import BotBroken, Permanent, UnknownOutcome
from apps.im.matrix_api import Forbidden, NotFound, part, request
from apps.im.shapes import Inbound, SendContext

#: What was said between an invitation and our joining: so many messages at the most.
BACKLOG = 20
_DM_S = 3600.0
HERE = frozenset({"join", "invite"})


async def kind(ctx: SendContext, room: str) -> str:
    """`private` when nobody but one person and the bot is in the room, or invited; else `group`.

    Raises as `matrix_api.request`; a room that we are not in is a `group`.
    """
    path = f"/rooms/{part(room)}/members"
    try:
        found = await request(ctx, "GET", path, query={"not_membership": "leave"})
    except BotBroken:
        raise
    except Permanent:
        return "group"  # not ours to see, or more names than we would read
    members = [one for one in found.get("chunk") or [] if isinstance(one, dict)]
    here = {one.get("state_key") for one in members if _membership(one) in HERE}
    return "private" if len(here) == 2 and matrix_api.bot(ctx) in here else "group"


def _membership(member: dict[str, Any]) -> Any:
    content = member.get("content")
    return content.get("membership") if isinstance(content, dict) else None


async def join(ctx: SendContext, room: str) -> bool:
    """Accept an invitation; False when we were in the room already.

    Raises as `matrix_api.request`; `Forbidden` when the invitation was withdrawn.
    """
    if await _membership_of(ctx, room, matrix_api.bot(ctx)) == "join":
        return False
    await request(ctx, "POST", f"/rooms/{part(room)}/join", {})
    return True


async def decline(ctx: SendContext, room: str, reason: str) -> None:
    """Refuse an invitation, and say why. Nothing when it was withdrawn."""
    try:
        await request(ctx, "POST", f"/rooms/{part(room)}/leave", {"reason": reason})
    except (Forbidden, NotFound):
        return


async def is_encrypted(ctx: SendContext, room: str) -> bool:
    """Is what people say there beyond us?"""
    try:
        await request(ctx, "GET", f"/rooms/{part(room)}/state/m.room.encryption/")
    except NotFound:
        return False
    return True


async def missed(ctx: SendContext, room: str, platform: str) -> tuple[Inbound, ...]:
    """What was said in a room since we were invited, oldest first: nothing brings it by itself.

    A client that opens a room for its first message sends that before anybody could join.
    """
    query = {"dir": "b", "limit": str(BACKLOG)}
    try:
        found = await matrix_api.lenient(ctx, f"/rooms/{part(room)}/messages", query)
    except Permanent:
        return ()  # what was before we joined is not for us
    bot = matrix_api.bot(ctx)
    since = []
    for event in found.get("chunk") or []:
        if not isinstance(event, dict) or matrix_events.invites(event, bot):
            break
        since.append(event)
    said = matrix_events.read_all(reversed(since), bot, platform)
    return tuple(message for message in said if message.kind != "event")


async def direct(ctx: SendContext, person: str) -> str:
    """The room in which the bot speaks with one person alone; opened at need.

    Raises as `matrix_api.request`.
    """
    return await ctx.tokens.get(_kept(ctx, person), lambda: _find_or_open(ctx, person))


async def forget(ctx: SendContext, person: str, room: str) -> None:
    """Look for the person's room anew next time."""
    await ctx.tokens.drop(_kept(ctx, person), room)


async def remember(ctx: SendContext, person: str, room: str) -> None:
    """Keep that this is a room for the two; the newest counts. Raises as `matrix_api.request`."""
    known = await _known(ctx)
    held = known.get(person)
    rooms = [one for one in held if one != room] if isinstance(held, list) else []
    await request(ctx, "PUT", _account(ctx), {**known, person: [*rooms, room]})


async def _find_or_open(ctx: SendContext, person: str) -> tuple[str, float]:
    held = (await _known(ctx)).get(person)
    for room in reversed(held if isinstance(held, list) else []):
        if isinstance(room, str) and await _is_for_two(ctx, room, person):
            return room, _DM_S
    opened = await request(
        ctx,
        "POST",
        "/createRoom",
        {"preset": "trusted_private_chat", "is_direct": True, "invite": [person]},
    )
    room = opened.get("room_id")
    if not isinstance(room, str):
        raise UnknownOutcome("the homeserver made a room and did not name it")
    await remember(ctx, person, room)
    return room, _DM_S


async def _is_for_two(ctx: SendContext, room: str, person: str) -> bool:
    """Are the two, and nobody else, in that room (or invited)?"""
    if await kind(ctx, room) != "private":
        return False
    return await _membership_of(ctx, room, person) in HERE


async def _membership_of(ctx: SendContext, room: str, person: str) -> str:
    """What somebody is to a room; "" for nothing that we may know."""
    where = f"/rooms/{part(room)}/state/m.room.member/{part(person)}"
    try:
        return str((await request(ctx, "GET", where)).get("membership") or "")
    except (Forbidden, NotFound):
        return ""


async def _known(ctx: SendContext) -> dict[str, Any]:
    try:
        return await request(ctx, "GET", _account(ctx))
    except NotFound:
        return {}


def _account(ctx: SendContext) -> str:
    return f"/user/{part(matrix_api.bot(ctx))}/account_data/m.direct"


def _kept(ctx: SendContext, person: str) -> str:
    return matrix_api.kept(ctx, "direct", person)
