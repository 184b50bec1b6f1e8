"""What can be done to patterns, lists and residency: each checks, changes and audits at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import transaction

from apps.accounts.models import Department
from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.core.masking import Masked, mask
from apps.core.masks.found import LITERAL
from apps.core.masks.tokens import is_kind
from apps.llm import directory, own_patterns, re2_patterns, word_matching, wordlist
from apps.llm.privacy_models import ListedWord, MaskPattern, ResidencyPolicy

Kept = TypeVar("Kept", MaskPattern, ListedWord)
MOST_PATTERNS = 100
MOST_WORDS = 2000
_KIND = both(
    "种类只能用大写字母和下划线，如 PROJECT", "the kind is capitals and _, such as PROJECT"
)
_NAME = both("名称为空或重复", "the name is empty or taken")
_WORD = both("词为空、过短或重复", "the word is empty, too short or listed already")
_RULE = both("没有这条规则", "there is no such rule")
_MANY = both("已达上限", "there are as many as there may be")


class BadRule(ClawdbotError):
    """This cannot be kept: {why}."""

    code = "bad_privacy_rule"
    zh = "无法保存：{why}。"
    http_status = 400
    permanent = True


@dataclass(frozen=True, slots=True)
class Tried:
    """What would leave of a text. `held` are the list entries that would hold it back."""

    text: str
    counts: Mapping[str, int]
    held: tuple[int, ...]


def set_pattern(
    row: MaskPattern, *, name: str, pattern: str, kind: str, enabled: bool, actor: Actor
) -> MaskPattern:
    """Keep a pattern of one's own, a new row or an old one. Raises `BadRule`, `BadPattern`."""
    name, kind = " ".join(name.split()), kind.strip().upper()
    others = MaskPattern.objects.exclude(pk=row.pk)
    _refuse(not 1 <= len(name) <= 100 or others.filter(name=name).exists(), _NAME)
    _refuse(not is_kind(kind) or kind == LITERAL, _KIND)
    _refuse(others.count() >= MOST_PATTERNS, _MANY)
    re2_patterns.checked(pattern)
    row.name, row.pattern, row.kind, row.enabled = name, pattern, kind, enabled
    data = {"pattern": pattern, "kind": kind, "enabled": enabled}
    return _saved(row, "mask_pattern", actor, data)


def set_word(
    row: ListedWord, *, word: str, is_pattern: bool, rule: str, note: str, enabled: bool,
    actor: Actor,
) -> ListedWord:  # fmt: skip
    """Keep a listed word, a new row or an old one; the audit names it by its number only. Raises
    `BadRule`, `BadPattern`."""
    word = word.strip() if is_pattern else " ".join(word.split())
    others = ListedWord.objects.exclude(pk=row.pk)
    taken = others.filter(word=word, rule=rule).exists()
    _refuse(not 2 <= len(word) <= 200 or taken, _WORD)
    _refuse(rule not in dict(ListedWord.RULES), _RULE)
    _refuse(others.count() >= MOST_WORDS, _MANY)
    re2_patterns.checked(word if is_pattern else word_matching.word_pattern(word))
    row.word, row.is_pattern, row.rule = word, is_pattern, rule
    row.note, row.enabled = note[:200], enabled
    return _saved(row, "listed_word", actor, {"rule": rule, "enabled": enabled})


def set_residency(
    *, allow_abroad: bool, departments: Iterable[Department], actor: Actor
) -> ResidencyPolicy:
    """Say who may ask models abroad."""
    with transaction.atomic():
        row = ResidencyPolicy.objects.select_for_update().order_by("pk").first()
        row = row or ResidencyPolicy()
        row.allow_abroad = allow_abroad
        row.save()
        chosen = sorted(departments, key=lambda one: one.name)
        row.departments.set(chosen)
        names = [one.name for one in chosen]
        audit.record(
            "residency.set", actor=actor, obj=("residency", row.pk, "residency"), outcome="done",
            data={"allow_abroad": allow_abroad, "departments": names},
        )  # fmt: skip
    return row


def remove(row: MaskPattern | ListedWord, actor: Actor) -> None:
    """Forget a pattern or a word."""
    kind = "mask_pattern" if isinstance(row, MaskPattern) else "listed_word"
    with transaction.atomic():
        obj = (kind, row.pk, str(row))
        audit.record(f"{kind}.removed", actor=actor, obj=obj, outcome="done")
        row.delete()


def preview(text: str) -> Tried:
    """What a model outside would get of a text; nothing is kept."""
    masked: Masked = mask(
        text, names=directory.names(),
        finders=[find for _, find in (*own_patterns.finders(), *wordlist.finders())],
    )  # fmt: skip
    return Tried(masked.text, masked.counts, tuple(wordlist.holding(text)))


def _refuse(wrong: bool, why: Text) -> None:
    if wrong:
        raise BadRule(why=why)


def _saved(row: Kept, kind: str, actor: Actor, data: Mapping[str, Any]) -> Kept:
    done = "set" if row.pk else "added"
    with transaction.atomic():
        row.save()
        obj = (kind, row.pk, str(row))
        audit.record(f"{kind}.{done}", actor=actor, obj=obj, outcome="done", data=data)
    return row
