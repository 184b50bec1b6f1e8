"""Files that go out with a message: as the platform's own, or as links to the web chat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from apps.im import cards, files
from apps.im.cards import Card
from apps.im.models import Delivery, StoredFile
from apps.im.platform import Platform
from apps.im.shapes import FileLink, Media

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """The files of one delivery, by the way they go."""

    media: tuple[Media, ...] = ()
    links: tuple[FileLink, ...] = ()


def parts_of(delivery: Delivery, platform: Platform) -> Parts:
    """Load what the platform sends itself; the rest are links. Built-in platforms read the row."""
    if not delivery.files or platform.built_in:
        return Parts()
    media: list[Media] = []
    links: list[FileLink] = []
    for row in rows_of(delivery.files):
        if platform.abilities.files and row.size <= platform.abilities.max_file:
            try:
                media.append(files.media_of(row))
                continue
            except files.FileGone:
                log.error("delivery.file_gone", delivery=delivery.pk, file=str(row.uid))
        links.append(FileLink(row.name, row.mime, row.size, files.link(row)))
    return Parts(tuple(media), tuple(links))


def rows_of(uids: Sequence[str]) -> list[StoredFile]:
    """The rows of these uids, in their order; what is no longer kept is left out."""
    found = {str(row.uid): row for row in StoredFile.objects.filter(uid__in=uids)}
    return [found[uid] for uid in uids if uid in found]


def with_links(card: Card, text: str, links: Sequence[FileLink]) -> Card:
    """The card, and below it where the files are. Holds no words of ours, so no language."""
    if not links:
        return card
    if not cards.to_text(card).strip() and card.form is None and text.strip():
        card = replace(card, blocks=(cards.Text(text),))
    lines = [f"{one.name} ({size(one.size)}): {one.url}" for one in links]
    return replace(card, blocks=(*card.blocks, cards.Text("\n".join(lines))))


def size(count: float) -> str:
    """A size for people."""
    if count < 1024:
        return f"{count:.0f} B"
    return f"{count / 1024:.0f} KB" if count < 1024**2 else f"{count / 1024**2:.1f} MB"
