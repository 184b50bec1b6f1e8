"""Where a passage stands, in words: page 3, § Leave > Annual leave, Prices rows 2-20, lines 4-9."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.core.i18n import Text, both

_PAGE = both("第 {page} 页", "page {page}")
_HEADING = both("“{heading}”", "“{heading}”")
_ROWS = both("工作表 {sheet} 第 {span} 行", "sheet {sheet}, rows {span}")
_LINES = both("第 {span} 行", "lines {span}")
_WHOLE = both("正文", "text")


def words(place: Mapping[str, Any]) -> Text:
    """The place for a person."""
    if "page" in place:
        return _PAGE.format(page=place["page"])
    if "sheet" in place:
        return _ROWS.format(sheet=place["sheet"], span=_span(place, "row"))
    if place.get("heading"):
        return _HEADING.format(heading=place["heading"])
    if "line" in place:
        return _LINES.format(span=_span(place, "line"))
    return _WHOLE


def _span(place: Mapping[str, Any], unit: str) -> str:
    first, last = place[unit], place.get("to", place[unit])
    return str(first) if first == last else f"{first}-{last}"
