"""Puts messages into Matrix rooms: a card, what did not fit into it, files, newer revisions.

Every event has a transaction id of its own made from the delivery's key, so that a repeat shows
nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.im import matrix_api, matrix_card
from apps.im.errors import UnknownOutcome
from apps.im.fitting import fit
from apps.im.matrix_api import part
from apps.im.shapes import Outgoing, SendContext, Sent


async def show(ctx: SendContext, out: Outgoing, room: str) -> Sent:
    """Send everything that belongs to a new message. Raises as `matrix_api.request`."""
    fitted = fit(out.shown(), matrix_card.LIMITS, out.language)
    here = room == out.chat_id  # else it was moved to where only its reader sees it
    thread = _thread(out) if here else {}
    content = _content(out, matrix_card.message(fitted.card, out.language), alert=here)
    event_id = await _put(ctx, room, out.key, content | (thread or (_reply(out) if here else {})))
    if out.revision:
        # The key may have met what an earlier attempt showed: an older revision.
        await replace(ctx, out, room, event_id)
    for number, words in enumerate(_rest(fitted.rest), start=1):
        await _put(ctx, room, f"{out.key}-{number}", _content(out, words) | thread)
    for number, media in enumerate(out.files, start=1):
        address = await matrix_api.upload(ctx, media)
        shown = matrix_card.file_message(media, address)
        await _put(ctx, room, f"{out.key}-f{number}", shown | thread)
    return Sent(event_id, {} if here else {"channel": room})


async def replace(ctx: SendContext, out: Outgoing, room: str, event_id: str) -> None:
    """Put the present revision in the place of an earlier one; what is too long for it is cut."""
    fitted = fit(out.shown(), matrix_card.LIMITS, out.language)
    content = _content(out, matrix_card.message(fitted.card, out.language))
    await _put(ctx, room, f"{out.key}-r{out.revision}", matrix_card.edit(content, event_id))


def _rest(texts: tuple[str, ...]) -> list[dict[str, str]]:
    return matrix_card.pieces("".join(texts)) if texts else []


def _content(out: Outgoing, words: Mapping[str, str], *, alert: bool = False) -> dict[str, Any]:
    """The words as a message.

    Progress is an `m.notice`, about which no client rings. Answers and reminders are `m.text`: by
    the default push rules a notice never alerts anybody, and whoever asked waits for them.
    """
    kind = "m.notice" if out.role == "progress" else "m.text"
    if alert and out.mention:
        return {"msgtype": kind, **matrix_card.mentioning(words, out.mention, out.mention_name)}
    # An empty one says that nobody is meant, whatever names stand in the text.
    return {"msgtype": kind, **words, "m.mentions": {}}


def _reply(out: Outgoing) -> dict[str, Any]:
    if not out.reply_to:
        return {}
    return {"m.relates_to": {"m.in_reply_to": {"event_id": out.reply_to}}}


def _thread(out: Outgoing) -> dict[str, Any]:
    """The thread in which the question was asked; {} when it was in none."""
    root = out.context.get("thread_id")
    if not root:
        return {}
    answered = {"event_id": out.reply_to or root}
    return {
        "m.relates_to": {
            "rel_type": "m.thread",
            "event_id": root,
            "is_falling_back": True,
            "m.in_reply_to": answered,
        }
    }


async def _put(ctx: SendContext, room: str, txn: str, content: Mapping[str, Any]) -> str:
    path = f"/rooms/{part(room)}/send/m.room.message/{part(txn)}"
    sent = await matrix_api.request(ctx, "PUT", path, content, device=True)
    event_id = sent.get("event_id")
    if not isinstance(event_id, str) or not event_id:
        raise UnknownOutcome("the homeserver took the message and did not name it")
    return event_id
