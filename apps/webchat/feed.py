"""What a person's chat page shows: own messages and the deliveries to their conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q

from apps.assistant.lanes import CLICKS
from apps.assistant.models import Message
from apps.im import clicks, files, outgoing_files
from apps.im.models import Delivery, StoredFile

#: Rows of each kind in one answer; what is older comes when the page scrolls up.
PAGE = 60
#: So many of the newest rows are sent again as they are now: progress cards and states change.
FRESH = 20

Item = dict[str, Any]


@dataclass(frozen=True)
class Ids:
    """A place in the two lists: an id of a message and one of a delivery."""

    message: int = 0
    delivery: int = 0

    def up_to(self, kind: str, number: int) -> Ids:
        """Return the place after one more item."""
        return replace(self, **{kind: max(getattr(self, kind), number)})


@dataclass(frozen=True)
class Slice:
    """Some items in the order of time. `cut`: there are items between these and the place given."""

    items: list[Item]
    cut: bool


def newer(conversation_id: int, seen: Ids) -> Slice:
    """Return what came after ``seen``, and the newest rows again. Two queries."""
    messages = list(_messages(conversation_id).order_by("-pk")[:PAGE])
    deliveries = list(_deliveries(conversation_id).order_by("-pk")[:PAGE])
    cut = _full(messages, seen.message) or _full(deliveries, seen.delivery)
    if cut:
        messages, deliveries = _same_span(messages, deliveries)
        return Slice(_items(messages, deliveries), cut)
    messages = [row for n, row in enumerate(messages) if n < FRESH or row.pk > seen.message]
    deliveries = [row for n, row in enumerate(deliveries) if n < FRESH or row.pk > seen.delivery]
    return Slice(_items(messages, deliveries), cut)


def older(conversation_id: int, shown: Ids) -> Slice:
    """Return a page of what came before the oldest rows shown. Two queries."""
    messages = _messages(conversation_id).filter(pk__lt=shown.message).order_by("-pk")[:PAGE]
    deliveries = _deliveries(conversation_id).filter(pk__lt=shown.delivery).order_by("-pk")[:PAGE]
    rows = list(messages), list(deliveries)
    cut = _full(rows[0], 0) or _full(rows[1], 0)
    return Slice(_items(*_same_span(*rows)), cut)


def button_token(conversation_id: int, delivery_id: int, cmd: str) -> str:
    """Return the token of the button with this command on that card of the conversation.

    The pipeline judges it as any other platform's click. "" when the card has no such button.
    """
    row = Delivery.objects.filter(conversation_id=conversation_id, pk=delivery_id).first()
    if row is None:
        return ""
    buttons = [*row.card.get("buttons", []), (row.card.get("form") or {}).get("submit") or {}]
    if not any(button.get("cmd") == cmd for button in buttons):
        return ""
    return clicks.token(row.pk, row.bot_id, cmd)


def _messages(conversation_id: int) -> Any:
    # Only what was typed here: what a program or a schedule asked would be noise.
    return Message.objects.filter(conversation_id=conversation_id, origin="web")


def _deliveries(conversation_id: int) -> Any:
    for_programs = Q(message__origin="api", role__in=("answer", "progress"))
    rows = Delivery.objects.filter(conversation_id=conversation_id).exclude(for_programs)
    return rows.select_related("job")


def _full(rows: list[Any], after: int) -> bool:
    return len(rows) == PAGE and rows[-1].pk > after + 1


def _same_span(
    messages: list[Message], deliveries: list[Delivery]
) -> tuple[list[Message], list[Delivery]]:
    """Drop what is older than the end of a full list: its neighbours are not here yet."""
    ends = [rows[-1].created_at for rows in (messages, deliveries) if len(rows) == PAGE]
    if not ends:
        return messages, deliveries
    end = max(ends)
    return (
        [row for row in messages if row.created_at >= end],
        [row for row in deliveries if row.created_at >= end],
    )


def _items(messages: list[Message], deliveries: list[Delivery]) -> list[Item]:
    uids = [uid for row in deliveries for uid in row.files]
    stored = {str(row.uid): row for row in outgoing_files.rows_of(uids)} if uids else {}
    items = [_message(row) for row in messages] + [_delivery(row, stored) for row in deliveries]
    return sorted(items, key=lambda item: (item["at"], item["kind"] == "delivery", item["id"]))


def _message(row: Message) -> Item:
    return {
        "kind": "message",
        "id": row.pk,
        "at": row.created_at.isoformat(),
        "text": row.text,
        "state": row.state,
        "click": row.kind in CLICKS,
        "client_id": row.event_id.rpartition(":")[2],
    }


def _file(row: StoredFile) -> Item:
    size = outgoing_files.size(row.size)
    # Without a host: the page is where the file is.
    url = f"/chat/files/{row.uid}"
    return {"name": row.name, "size": size, "url": url, "image": files.shown_inline(row)}


def _delivery(row: Delivery, stored: Mapping[str, StoredFile]) -> Item:
    return {
        "kind": "delivery",
        "id": row.pk,
        "at": row.created_at.isoformat(),
        "role": row.role,
        "state": row.state,
        "card": row.card,
        "text": row.text,
        "files": [_file(stored[uid]) for uid in row.files if uid in stored],
        "revision": row.revision,
        "message": row.message_id,
        "job": row.job.number if row.job else None,
        "job_state": row.job.state if row.job else None,
    }
