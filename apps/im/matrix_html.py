"""Turns text and the little Markdown that answers use into the HTML that Matrix clients show.

Source: Matrix client-server API 1.16, "m.room.message msgtypes" (the list of recommended tags).
Everything is escaped first; what is drawn afterwards is only what stands here.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$")
_HEADING = re.compile(r"^(#{1,6})\s+(.*)$")
_BULLET = re.compile(r"^\s*[-*+]\s+(.*)$")
_NUMBER = re.compile(r"^\s*\d{1,9}[.)]\s+(.*)$")
_QUOTE = re.compile(r"^>\s?(.*)$")
_RULE = re.compile(r"^\s*([-*_])(?:\s*\1){2,}\s*$")
_FIRST = r"\1"
_CODE = re.compile(r"(`+)(.+?)\1")
_LINK = re.compile(r"\[([^\[\]\n]+)\]\((https?://[^\s()<>]+)\)")
_MARKS = (
    (re.compile(r"\*\*(?=\S)(.{1,2000}?)(?<=\S)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"<em>\1</em>"),
    (re.compile(r"~~(?=\S)(.{1,2000}?)(?<=\S)~~"), r"<del>\1</del>"),
)


def plain(text: str) -> str:
    """Text as it is, with its line breaks."""
    return html.escape(text, quote=False).replace("\n", "<br>")


def markdown(text: str) -> str:
    """Markdown as HTML: fences, headings, lists, quotations, emphasis, code, web links."""
    return "".join(_blocks(text.split("\n")))


def _blocks(lines: Sequence[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence:
            end = _closing(lines, at + 1, fence[1])
            yield _code(lines[at + 1 : end], fence[2])
            at = end + 1
        elif not lines[at].strip():
            at += 1
        else:
            tag, count = _run(lines, at)
            yield _drawn(tag, lines[at : at + count])
            at += count


def _closing(lines: Sequence[str], at: int, mark: str) -> int:
    """Where a fence ends; an open one goes to the end of the text."""
    for number in range(at, len(lines)):
        line = lines[number].strip()
        if line.startswith(mark) and not line.strip(mark[0]):
            return number
    return len(lines)


def _code(lines: Sequence[str], language: str) -> str:
    named = f' class="language-{html.escape(language)}"' if language else ""
    words = html.escape("\n".join(lines), quote=False)
    return f"<pre><code{named}>{words}</code></pre>"


def _kind(line: str) -> str:
    """What a line belongs to; "" for nothing, "fence" for what begins something else."""
    if not line.strip():
        return ""
    if _FENCE.match(line):
        return "fence"
    for tag, pattern in (("hr", _RULE), ("h", _HEADING), ("ul", _BULLET), ("ol", _NUMBER)):
        if pattern.match(line):
            return tag
    return "blockquote" if _QUOTE.match(line) else "p"


def _run(lines: Sequence[str], at: int) -> tuple[str, int]:
    """The kind of a line, and how many lines from here on are one block with it."""
    tag = _kind(lines[at])
    if tag in {"h", "hr"}:
        return tag, 1
    count = 1
    while at + count < len(lines) and _kind(lines[at + count]) == tag:
        count += 1
    return tag, count


def _drawn(tag: str, lines: Sequence[str]) -> str:
    if tag == "hr":
        return "<hr>"
    if tag == "h":
        found = _HEADING.match(lines[0])
        level, words = (len(found[1]), found[2]) if found else (1, lines[0])
        return f"<h{level}>{_inline(words)}</h{level}>"
    if tag in {"ul", "ol"}:
        pattern = _BULLET if tag == "ul" else _NUMBER
        items = (f"<li>{_inline(pattern.sub(_FIRST, line))}</li>" for line in lines)
        return f"<{tag}>{''.join(items)}</{tag}>"
    words = [_QUOTE.sub(_FIRST, line) if tag == "blockquote" else line for line in lines]
    return f"<{tag}>{'<br>'.join(_inline(line) for line in words)}</{tag}>"


def _inline(line: str) -> str:
    """One line; what stands in code is left alone."""
    drawn: list[str] = []
    end = 0
    for found in _CODE.finditer(line):
        drawn += [_marked(line[end : found.start()])]
        drawn += [f"<code>{html.escape(found[2].strip(), quote=False)}</code>"]
        end = found.end()
    return "".join([*drawn, _marked(line[end:])])


def _marked(text: str) -> str:
    """Links first: an address may hold what looks like emphasis."""
    drawn: list[str] = []
    end = 0
    for found in _LINK.finditer(text):
        drawn += [_emphasised(text[end : found.start()])]
        drawn += [f'<a href="{html.escape(found[2])}">{_emphasised(found[1])}</a>']
        end = found.end()
    return "".join([*drawn, _emphasised(text[end:])])


def _emphasised(text: str) -> str:
    drawn = html.escape(text, quote=False)
    for pattern, shown in _MARKS:
        drawn = pattern.sub(shown, drawn)
    return drawn
