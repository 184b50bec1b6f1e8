"""The files of a received message: which there are, and their bytes, fetched once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.assistant.models import Message
from apps.im import fetching, file_names, files
from apps.im.base import Media
from apps.im.models import StoredFile

Attachment = Mapping[str, Any]
_TYPES = {"image": "image.jpg", "video": "video.mp4", "voice": "voice"}


def all_of(message: Message) -> list[dict[str, Any]]:
    """All attachments as the platform named them."""
    found = message.payload.get("attachments")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def files_of(message: Message) -> list[tuple[int, dict[str, Any]]]:
    """(index, attachment) of those that a skill may take: a spoken message is no file."""
    every = list(enumerate(all_of(message)))[: files.MAX_FILES]
    return [(n, one) for n, one in every if message.kind != "voice" or one.get("type") != "voice"]


def voice_of(message: Message) -> dict[str, Any] | None:
    """The recording of a voice message."""
    return next((one for one in all_of(message) if one.get("type") == "voice"), None)


def name_of(attachment: Attachment) -> str:
    """What to call it before it was fetched."""
    fallback = _TYPES.get(str(attachment.get("type")), "file")
    return file_names.clean(str(attachment.get("name") or ""), fallback)


def quoted(message: Message) -> str:
    """What the message that this one quotes says; others wrote it. "" where it is not told."""
    quote = (message.payload.get("extra") or {}).get("quote")
    text = quote.get("text") if isinstance(quote, dict) else None
    return text if isinstance(text, str) else ""


def media_of(message: Message, attachment: Attachment, limit: int) -> Media:
    """Bring one from the platform. Raises as `fetching.fetch`."""
    asked = {
        **attachment,
        "message_id": message.platform_message_id,
        "chat_id": message.conversation.chat_id,
        "sender_id": message.sender_id,
        "extra": message.payload.get("extra") or {},
    }
    media = fetching.fetch(message.bot, asked, limit)
    name = media.name or str(attachment.get("name") or "")
    duration = media.duration_ms or int(attachment.get("duration_ms") or 0)
    return Media(media.data, name, media.mime or str(attachment.get("mime") or ""), duration)


def forget_bytes(payload: dict[str, Any]) -> None:
    """Take away what came inside the event itself."""
    for one in payload.get("attachments") or []:
        one.pop("data", None)


def kept(message: Message, index: int) -> StoredFile:
    """The stored file of an attachment: fetched and checked now, unless that was done before.

    Raises `FileRefused`, `UnsafeArchive` or `DeliveryError`.
    """
    found = _known(message, index)
    if found is not None:
        return found
    media = media_of(message, all_of(message)[index], files.MAX_FILE)
    row = files.save(media, person_id=message.person_id, conversation_id=message.conversation_id)
    _remember(message, index, str(row.uid))
    return row


def _known(message: Message, index: int) -> StoredFile | None:
    uid = all_of(message)[index].get("stored")
    return StoredFile.objects.filter(uid=uid).first() if uid else None


def _remember(message: Message, index: int, uid: str) -> None:
    """So that a second run of the job fetches nothing twice."""
    with transaction.atomic():
        row = Message.objects.select_for_update().only("payload").filter(pk=message.pk).first()
        if row is not None:
            row.payload["attachments"][index]["stored"] = uid
            row.payload["attachments"][index].pop("data", None)
            row.save(update_fields=["payload"])
            message.payload = row.payload
