"""Says of an answer that a model wrote it, as the law on generated content asks (《人工智能生成合成
内容标识办法》, in force since 2025-09-01: a visible label on generated text)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from apps.core.i18n import both
from apps.im.cards import Block, Card, Divider, Fields, Text
from apps.skills.ports import Written

LABEL = both("内容由 AI 生成，请核对", "Written by AI; please check it")
BY = both("AI 生成", "AI")
SOURCES = both("来源", "Sources")
CUT = both("（太长，后面的被截断了）", "(it was too long; the end is missing)")


def label(language: str) -> str:
    """The line under an answer."""
    return LABEL.in_(language)


def without(card: Card) -> Card:
    """The card without what `card` puts below an answer: for a model that goes on with it."""
    kept: list[Block] = []
    for block in card.blocks:
        if _is_label(block):
            kept = kept[:-1] if kept and isinstance(kept[-1], Divider) else kept
        else:
            kept.append(block)
    return replace(card, blocks=tuple(kept))


def labelled(card: Card) -> bool:
    """Does the card say that a model wrote it?"""
    return any(_is_label(block) for block in card.blocks)


def _is_label(block: Block) -> bool:
    names = (BY.zh, BY.en)
    return isinstance(block, Fields) and any(name in names for name, _ in block.pairs)


def card(
    written: Written,
    language: str,
    *,
    title: str = "",
    blocks: Sequence[Block] = (),
    sources: Sequence[str] = (),
) -> Card:
    """An answer that a model wrote: its text (or `blocks`), its sources, and the label."""
    shown = list(blocks) or [Text(written.text)]
    if written.cut:
        shown.append(Text(CUT.in_(language)))
    facts = [(SOURCES.in_(language), "\n".join(sources))] if sources else []
    by = f"{label(language)} · {written.model}" if written.model else label(language)
    facts.append((BY.in_(language), by))
    return Card(title, "blue", (*shown, Divider(), Fields(tuple(facts))))
