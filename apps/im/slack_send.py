"""Shows one delivery in Slack, once: its card, what did not fit into it, and its files.

Slack knows no idempotency key. Each message carries the delivery's key in its metadata, which only
apps see; before a repeat the conversation is read, and what is there is not shown again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from apps.im import slack_api, slack_blocks, slack_files
from apps.im.cards import Card
from apps.im.errors import DeliveryError, Permanent
from apps.im.fitting import fit
from apps.im.shapes import Outgoing, SendContext, Sent
from apps.im.slack_api import ContentRefused, PlaceGone, ScopeMissing

log = structlog.get_logger(__name__)
EVENT = "clawdbot_delivery"
#: Clocks may differ by so much: messages are looked for from before ours was made.
_MARGIN_S = 600
_PAGE, _MOST_PAGES = 200, 5
_STAMP = re.compile(r"[0-9]{1,15}\.[0-9]{1,9}")
_PERSON = re.compile(r"[UW][A-Z0-9]{2,40}")
#: The first part of a delivery as a card, and as text where its card was refused.
_CARD, _TEXT = "0", "t"
#: How many files are shown, beside the parts; and where all of that stands in a context.
_FILES, _SHOWN = "files", "shown"

Message = dict[str, Any]


@dataclass(frozen=True)
class Where:
    """A channel, and the thread in it, "" for none."""

    channel: str
    thread: str = ""

    @property
    def name(self) -> str:
        """The place in one word."""
        return f"{self.channel}/{self.thread}"


@dataclass
class Earlier:
    """What of a delivery is there already; `sure` is false when that could not be seen."""

    parts: dict[str, str] = field(default_factory=dict)
    files: Counter[tuple[str, int]] = field(default_factory=Counter)
    sure: bool = True
    looked: bool = False


async def deliver(ctx: SendContext, out: Outgoing) -> Sent:
    """Show a delivery where it belongs, or where it can still be seen by whoever asked."""
    missed: PlaceGone | None = None
    async for where in _places(ctx, out):
        try:
            sent = await _deliver_at(ctx, out, where)
        except PlaceGone as error:
            log.info("slack.place_gone", code=error.vendor_code)
            missed = error
            continue
        return Sent(sent, {} if where.channel == out.chat_id else {"channel": where.channel})
    raise missed or Permanent("there is nowhere to say it")


async def edit(ctx: SendContext, out: Outgoing) -> None:
    """Change a message in place; what Slack cannot draw becomes plain words."""
    channel = str(out.context.get("channel") or "")
    if not channel:
        channel = (
            await slack_api.private_channel(ctx, out.private_to) if out.private_to else out.chat_id
        )
    await _edit(ctx, out, Where(channel), out.platform_message_id)


async def _places(ctx: SendContext, out: Outgoing) -> AsyncIterator[Where]:
    """Where to show it: in the thread, else in the channel, else to whoever gave the command."""
    person = out.private_to or (out.chat_id if _PERSON.fullmatch(out.chat_id) else "")
    if person:
        yield Where(await slack_api.private_channel(ctx, person))
        return
    thread = str(out.context.get("thread_ts") or "")
    if not thread and out.chat_type == "group" and _STAMP.fullmatch(out.reply_to):
        thread = out.reply_to
    yield Where(out.chat_id, thread)
    if thread:
        yield Where(out.chat_id)
    # Commands can be given where the bot is not.
    asker = str(out.context.get("asker") or "")
    if asker and not out.private_to:
        yield Where(await slack_api.private_channel(ctx, asker))


async def _deliver_at(ctx: SendContext, out: Outgoing, where: Where) -> str:
    """Show what is not there yet; returns the timestamp of the first message.

    What was shown before something went wrong is told by the error, and need not be looked for.
    """
    earlier = await _look(ctx, out, where) if out.again else Earlier()
    if not earlier.sure:
        out = replace(out, repeat=True)
    kept = out.context.get(_SHOWN)
    known = kept.get(where.name) if isinstance(kept, dict) else None
    earlier.parts = {**(known if isinstance(known, dict) else {}), **earlier.parts}
    try:
        await _show(ctx, out, where, earlier)
    except DeliveryError as error:
        if earlier.parts:
            error.done = {_SHOWN: {where.name: earlier.parts}}
        raise
    return earlier.parts.get(_CARD) or earlier.parts.get(f"{_TEXT}0", "")


async def _show(ctx: SendContext, out: Outgoing, where: Where, earlier: Earlier) -> None:
    """Show each part that is not there yet, and write down that it is."""
    there = earlier.parts
    if _CARD in there and out.revision:
        await _edit(ctx, out, where, there[_CARD])  # an older revision may be shown
    try:
        await _post_missing(ctx, out, where, there, _parts(out, text=f"{_TEXT}0" in there))
    except ContentRefused as error:
        if there:
            raise
        log.warning("slack.card_refused", code=error.vendor_code, why=str(error))
        await _post_missing(ctx, out, where, there, _texts(out, out.shown()))
    await _show_files(ctx, out, where, earlier)


async def _post_missing(
    ctx: SendContext,
    out: Outgoing,
    where: Where,
    there: dict[str, str],
    parts: Sequence[tuple[str, Message]],
) -> None:
    for part, message in parts:
        if part not in there:
            there[part] = await _post(ctx, out, where, part, message)


def _parts(out: Outgoing, *, text: bool) -> Sequence[tuple[str, Message]]:
    """The messages of a delivery by their names: the card and what did not fit, or texts."""
    card, mention = out.shown(), _mention(out)
    if text:
        return _texts(out, card)
    fitted = fit(card, slack_blocks.LIMITS, out.language)
    shown: list[tuple[str, Message]] = [(_CARD, _card(fitted.card, out, mention))]
    if fitted.rest:
        more = [message for _, message in _texts(replace(out, mention=""), card)]
        shown += [(str(number), message) for number, message in enumerate(more, start=1)]
    return shown


def _card(card: Card, out: Outgoing, mention: str) -> Message:
    summary = slack_blocks.summary(card, out.language, mention)
    return {"text": summary, "blocks": slack_blocks.render(card, mention)}


def _texts(out: Outgoing, card: Card) -> list[tuple[str, Message]]:
    pieces, marked = slack_blocks.texts(card, out.language)
    mention = _mention(out)
    if mention and pieces:
        pieces[0] = f"<@{mention}> {pieces[0]}"
    return [
        (f"{_TEXT}{number}", {"text": piece, "mrkdwn": marked or bool(mention)})
        for number, piece in enumerate(pieces)
    ]


def _mention(out: Outgoing) -> str:
    wanted = out.mention if out.chat_type == "group" and not out.private_to else ""
    return wanted if _PERSON.fullmatch(wanted) else ""


async def _post(ctx: SendContext, out: Outgoing, where: Where, part: str, message: Message) -> str:
    body: Message = {
        "channel": where.channel,
        **message,
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": _metadata(out, part),
    }
    if where.thread:
        body["thread_ts"] = where.thread
    answer = await slack_api.post(ctx, "chat.postMessage", body, repeatable=False)
    return str(answer.get("ts") or "")


async def _edit(ctx: SendContext, out: Outgoing, where: Where, stamp: str) -> None:
    card = out.shown()
    fitted = fit(card, slack_blocks.LIMITS, out.language)
    body = {
        "channel": where.channel,
        "ts": stamp,
        "metadata": _metadata(out, _CARD),
        **_card(fitted.card, out, ""),
    }
    try:
        await slack_api.post(ctx, "chat.update", body)
    except ContentRefused as error:
        log.warning("slack.card_refused", code=error.vendor_code, why=str(error))
        words = slack_blocks.texts(card, out.language)[0][0]
        await slack_api.post(ctx, "chat.update", body | {"text": words, "blocks": []})


def _metadata(out: Outgoing, part: str) -> Message:
    return {"event_type": EVENT, "event_payload": {"key": out.key, "part": part}}


async def _look(ctx: SendContext, out: Outgoing, where: Where) -> Earlier:
    """Read the conversation since the delivery was made. Raises what makes reading impossible
    for now; where the app may not read, the repeat says that it may be one."""
    try:
        messages, whole = await _read(ctx, out, where)
    except ScopeMissing as error:
        log.warning("slack.cannot_look", why=str(error))
        return Earlier(sure=False)
    found = Earlier(sure=whole, looked=whole)
    key = ""
    for message in sorted(messages, key=_moment):
        named, part = _named(message)
        if named:
            key = named
            if named == out.key:
                found.parts.setdefault(part, str(message.get("ts") or ""))
        elif key == out.key and message.get("bot_id"):
            # Files carry no metadata; they follow the card that they belong to.
            found.files.update(_shown_files(message))
    return found


async def _read(ctx: SendContext, out: Outgoing, where: Where) -> tuple[list[Message], bool]:
    """(messages, are these all?), of the thread or of the channel."""
    asked: dict[str, str | int] = {
        "channel": where.channel,
        "oldest": f"{max(0.0, out.since - _MARGIN_S):.6f}",
        "limit": _PAGE,
        "include_all_metadata": "true",
    }
    method = "conversations.history"
    if where.thread:
        method, asked["ts"] = "conversations.replies", where.thread
    messages: list[Message] = []
    for _ in range(_MOST_PAGES):
        page = await slack_api.ask(ctx, method, asked)
        listed = page.get("messages")
        messages += [one for one in listed if isinstance(one, dict)] if listed else []
        more = page.get("response_metadata")
        cursor = more.get("next_cursor") if isinstance(more, dict) else ""
        if not cursor:
            return messages, True
        asked["cursor"] = str(cursor)
    return messages, False


def _moment(message: Message) -> tuple[int, int]:
    """A timestamp as numbers: as a float two of them could look the same."""
    stamp = str(message.get("ts") or "")
    if not _STAMP.fullmatch(stamp):
        return 0, 0
    seconds, _, fraction = stamp.partition(".")
    return int(seconds), int(fraction)


def _named(message: Message) -> tuple[str, str]:
    """(key, part) of a message of ours, empty for others."""
    metadata = message.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT:
        return "", ""
    payload = metadata.get("event_payload")
    if not isinstance(payload, dict):
        return "", ""
    return str(payload.get("key") or ""), str(payload.get("part") or "")


def _shown_files(message: Message) -> list[tuple[str, int]]:
    listed = message.get("files")
    files = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [(str(one.get("title") or ""), int(one.get("size") or 0)) for one in files]


async def _show_files(ctx: SendContext, out: Outgoing, where: Where, earlier: Earlier) -> None:
    """Show the files that are not there yet, up to ten in one message."""
    left = []
    for media in out.files[0 if earlier.looked else int(earlier.parts.get(_FILES, "0")) :]:
        mark = (slack_files.name_of(media), len(media.data))
        if earlier.files[mark]:
            earlier.files[mark] -= 1
        else:
            left.append(media)
    for start in range(0, len(left), slack_files.AT_ONCE):
        group = left[start : start + slack_files.AT_ONCE]
        await slack_files.show(ctx, group, where.channel, where.thread)
        earlier.parts[_FILES] = str(len(out.files) - len(left) + start + len(group))
