"""Patterns that administrators write, in RE2: whatever they write, matching stays linear."""

from __future__ import annotations

import functools
import re
from typing import Any

import re2

from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both

LONGEST = 500
_MEMORY = 16 * 1024 * 1024
_SURROGATES = re.compile("[\ud800-\udfff]")
_EMPTY = both("它能匹配空文本", "it matches an empty text")
_LONG = both(f"超过 {LONGEST} 个字符", f"it is longer than {LONGEST} characters")


class BadPattern(ClawdbotError):
    """The pattern cannot be used: {why}. It is written in the syntax of RE2."""

    code = "bad_pattern"
    zh = "这个模式不能用：{why}。请按 RE2 语法书写。"
    http_status = 400
    permanent = True


def checked(pattern: str) -> Any:
    """The compiled pattern of somebody who just wrote it. Raises `BadPattern`."""
    if len(pattern) > LONGEST:
        raise BadPattern(why=_LONG)
    try:
        found = compiled(pattern)
    except re2.error as error:
        raise BadPattern(why=_said(error)) from error
    if found.search("") is not None:
        raise BadPattern(why=_EMPTY)
    return found


@functools.lru_cache(maxsize=64)
def compiled(pattern: str) -> Any:
    """A pattern, compiled once. Raises `re2.error`."""
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    return re2.compile(_SURROGATES.sub("\ufffd", pattern), options)


def readable(text: str) -> str:
    """The text as RE2 takes it, in the same length: half a surrogate pair is no UTF-8."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def _said(error: Exception) -> Text:
    given = error.args[0] if error.args else ""
    why = given.decode("utf-8", "replace") if isinstance(given, bytes) else str(given)
    return Text(why, why)
