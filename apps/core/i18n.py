"""Texts that people read, in Chinese and English side by side, so that neither is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class _Gaps(dict[str, object]):
    """Leaves ``{name}`` where a value is missing: a half-filled sentence beats a crash."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def fill(template: str, params: Mapping[str, object]) -> str:
    """Return ``template`` with its ``{name}`` fields replaced; unknown fields stay as they are.

    Values are inserted as they are and never read as templates themselves.
    """
    return template.format_map(_Gaps(params))


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages."""

    zh: str
    en: str

    def in_(self, language: str) -> str:
        """Return the sentence for a language tag such as ``zh-hans`` or ``en-GB``.

        Chinese is the answer for every tag that is not English: it is the default language here.
        """
        return self.en if language.lower().split("-", 1)[0].split("_", 1)[0] == "en" else self.zh

    def format(self, **params: object) -> Text:
        """Return a copy with ``{name}`` fields filled in both languages.

        A value that is itself a ``Text`` is used in the matching language.
        """
        return Text(fill(self.zh, _one(params, "zh")), fill(self.en, _one(params, "en")))


def both(zh: str, en: str) -> Text:
    """Short spelling of ``Text(zh, en)`` for declarations."""
    return Text(zh, en)


def _one(params: Mapping[str, object], language: str) -> dict[str, object]:
    return {k: v.in_(language) if isinstance(v, Text) else v for k, v in params.items()}
