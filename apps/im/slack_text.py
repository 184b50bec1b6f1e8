"""Words for Slack: what must be escaped, Markdown in Slack's own dialect, and pieces that fit.

Sources: docs.slack.dev, "Formatting message text" (only &, < and > are escaped; mentions, links and
commands stand between < and >, so that escaped words can never be one).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_FENCE = "```"
_ZERO_WIDTH_SPACE = "\u200b"
#: Longer lines are shown as they are: looking for markup in them could take too long.
_LONGEST_LINE = 4000
_INLINE = re.compile(
    r"(?P<ticks>`+)(?P<code>[^`\n]+)(?P=ticks)(?!`)"
    r"|!?\[(?P<label>[^\[\]\n]*)\]\((?P<target>[^()\s]+)(?:\s+\"[^\"\n]*\")?\)"
    r"|<(?P<auto>https?://[^<>\s]+)>"
    r"|(?P<bare>https?://[^\s<>\[\]()\"'，。；：！？、）】》]+)"
    r"|\*\*(?P<bold>[^*\s](?:[^*\n]*[^*\s])?)\*\*"
    r"|__(?P<bold_too>[^_\s](?:[^_\n]*[^_\s])?)__"
    r"|~~(?P<struck>[^~\n]+)~~"
    r"|(?<![\w*])\*(?P<slanted>[^*\s](?:[^*\n]*[^*\s])?)\*(?![\w*])"
    r"|(?<!\w)_(?P<slanted_too>[^_\s](?:[^_\n]*[^_\s])?)_(?!\w)"
    r"|\\(?P<literal>[\\`*_{}\[\]()#+.!~>|-])"
)
_HEADING = re.compile(r" {0,3}#{1,6}\s+(.*?)\s*#*\s*")
_BULLET = re.compile(r"(\s*)[-*+]\s+(.*)")
_RULE = re.compile(r" {0,3}(?:-{3,}|\*{3,}|_{3,})\s*")
_QUOTE = re.compile(r"\s{0,3}>\s?(.*)")
_LINK = re.compile(r"(?:https?://|mailto:)\S+", re.IGNORECASE)
_TRAILING = ".,;:!?"


def escape(text: str) -> str:
    """The text as Slack shows it letter by letter."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fenced(text: str) -> str:
    """A block of monospaced text."""
    broken = escape(text).replace(_FENCE, f"`{_ZERO_WIDTH_SPACE}``")
    return f"{_FENCE}\n{broken}\n{_FENCE}"


def mrkdwn(markdown: str) -> str:
    """Markdown in Slack's dialect. Nothing in it can mention anybody."""
    drawn: list[str] = []
    inside = table = False
    for line in markdown.split("\n"):
        if line.lstrip().startswith(_FENCE):
            inside = not inside
            drawn.append(_FENCE)
            continue
        row = not inside and line.lstrip().startswith("|")
        if row != table and not inside:
            drawn.append(_FENCE)  # rows of a table stand under each other
        table = row
        drawn.append(escape(line) if inside or row else _line(line))
    if inside or table:
        drawn.append(_FENCE)
    return "\n".join(drawn)


def _line(line: str) -> str:
    if len(line) > _LONGEST_LINE:
        return escape(line)
    if _RULE.fullmatch(line):
        return "———"
    if found := _HEADING.fullmatch(line):
        return f"*{_inline(found[1].replace('**', ''))}*" if found[1] else ""
    if found := _QUOTE.fullmatch(line):
        return f"> {_inline(found[1])}"
    if found := _BULLET.fullmatch(line):
        return f"{found[1]}• {_inline(found[2])}"
    return _inline(line)


def _inline(text: str) -> str:
    drawn, end = [], 0
    for found in _INLINE.finditer(text):
        drawn.append(escape(text[end : found.start()]))
        drawn.append(_apart(text, found, _span(found)))
        end = found.end()
    return "".join([*drawn, escape(text[end:])])


def _span(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    match kind:
        case "code":
            return f"`{escape(found['code'])}`"
        case "target":
            return _link(found["target"], found["label"])
        case "auto":
            return _link(found["auto"], "")
        case "bare":
            address = found["bare"].rstrip(_TRAILING)
            return _link(address, "") + escape(found["bare"][len(address) :])
        case "literal":
            return escape(found["literal"])
        case "bold" | "bold_too":
            return f"*{_inline(found[kind])}*"
        case "struck":
            return f"~{_inline(found[kind])}~"
        case _:
            return f"_{_inline(found[kind])}_"


def _apart(text: str, found: re.Match[str], drawn: str) -> str:
    """Slack sees markup between words only: where no space is, as in Chinese, put one."""
    if drawn[:1] not in {"*", "_", "~", "`"}:
        return drawn
    before, after = text[: found.start()][-1:], text[found.end() :][:1]
    left = _ZERO_WIDTH_SPACE if before.isalnum() else ""
    return left + drawn + (_ZERO_WIDTH_SPACE if after.isalnum() else "")


def _link(target: str, label: str) -> str:
    if not _LINK.fullmatch(target):
        return escape(f"{label} ({target})" if label else target)
    address = escape(target).replace("|", "%7C")
    return f"<{address}|{escape(label).replace('|', '/')}>" if label.strip() else f"<{address}>"


def pieces(text: str, limit: int, *, fences: bool = True) -> list[str]:
    """Cut escaped text into pieces of at most `limit` characters, after a line where possible.

    With `fences` a block of code that is cut is closed, and opened again in the next piece.
    """
    return [piece for piece in _cut(text, limit, fences) if piece.strip()]


def _cut(text: str, limit: int, fences: bool) -> Iterator[str]:
    room = limit - 2 * (len(_FENCE) + 1) if fences else limit
    opened = False
    while text:
        head = text if len(text) <= room else text[: _end(text, room)]
        text = text[len(head) :]
        began, opened = opened, opened != (fences and head.count(_FENCE) % 2 == 1)
        yield (f"{_FENCE}\n" if began else "") + head + (_closing(head) if opened else "")


def _closing(head: str) -> str:
    return _FENCE if head.endswith("\n") else f"\n{_FENCE}"


def _end(text: str, room: int) -> int:
    """Where to cut: after a line, else after a space, never inside an entity, a link or a fence."""
    at = text.rfind("\n", 0, room) + 1
    if at <= room // 2:
        at = max(at, text.rfind(" ", 0, room) + 1)
    if at <= room // 2:
        at = room
    for opening, closing in (("<", ">"), ("&", ";")):
        start = text.rfind(opening, 0, at)
        inside = start > 0 and closing not in text[start:at] and closing in text[at : at + room]
        # An unescaped & or < begins something that is to stay whole.
        at = start if inside else at
    while at > 1 and text[at - 1] == "`" and text[at : at + 1] == "`":
        at -= 1
    return at
