"""Passwords and other secrets that a word before them gives away: 密码是…, `password: …`, a URL."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.core.masks.fold import lower
from apps.core.masks.found import Span

_LOGIN = r"(?<![a-z])(?:pass(?:word|wd|phrase|code)?s?|pwd)|口令|密码|密碼|暗号"
_KEYS = (
    r"(?<![a-z])(?:(?:api|access|secret|private|encrypt(?:ion)?|signing|account|license|app)"
    r"[ _-]?(?:access[ _-]?)?key(?:[ _-]?secret)?"
    r"|(?:client|app|corp|agent|bot)?[_-]?secret|cookie|session[_-]?id"
    r"|(?:access|refresh|auth|bearer|bot|session|verification|encrypt|csrf)?[ _-]?token)"
    r"|密钥|秘钥|私钥|令牌|授权码|激活码|访问码"
)
_CODES = (
    r"验证码|动态码|动态密码|提取码|取款密码|支付密码|"
    r"(?<![a-z])(?:pin码?|verification code|otp|passcode)"
)
_LINK = (
    r"(?:[\"']?\s{0,3}(?P<mark>=>|:=|[:=])\s{0,3}"
    r"|\s{0,2}(?P<word>是|为|改成|改为|设为|设成|重置为|变更为|\bis\b|\bwas\b)\s{0,2}:?\s{0,2}"
    r"|(?P<space> {1,2}|(?<=[码令])(?=[!-~])))"
)
_VALUE = r"(?:(?P<quote>[\"'`])(?P<quoted>[^\"'`\n]{1,200})(?P=quote)|(?P<plain>[!-~]{1,300}))"
_SHAPE = re.compile(
    rf"(?i:(?:(?P<code>{_CODES})|(?P<password>{_LOGIN})|(?P<token>{_KEYS})){_LINK}){_VALUE}",
    re.ASCII,
)
_URL = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/@:\"'<>]{0,100}:(?P<secret>[^\s/\"'<>@]{1,200})@"
)
_HINTS = (
    *("pass", "pwd", "key", "secret", "token", "cookie", "session", "pin", "verification", "otp"),
    *("口令", "密码", "密碼", "暗号", "钥", "令牌", "授权码", "激活码", "访问码"),
    *("验证码", "动态", "提取码", "支付密码"),
)  # fmt: skip
_TAIL = re.compile(r"[,;.!?)\]}>\"'`，。；！？、）】]+$")
#: Where a plain value ends when more of a structure follows.
_STOP = re.compile(r"[\"'`,;<>]|&(?=[A-Za-z_]+=)|\)(?=[,;\s]|$)|\}")
_NOT = frozenset(
    {
        *("none", "null", "true", "false", "yes", "no", "undefined", "required", "optional"),
        *("missing", "invalid", "incorrect", "wrong", "expired", "empty", "changed", "reset"),
        *("string", "str", "int", "text", "char", "varchar", "secret", "password", "token"),
        *("hidden", "redacted", "masked", "example", "placeholder", "your_password", "please"),
        *("yourpassword", "must", "should", "cannot", "not", "the", "your", "an", "and", "or"),
        *("to", "for", "is", "was", "of", "in", "on", "at", "by", "length", "policy", "strength"),
        *("field", "form", "manager", "authentication", "authorization", "error", "failed"),
        *("login", "bearer", "basic", "object", "bool", "number"),
    }
)
_REFERENCE = re.compile(
    r"(?i)[$<{%*.•●]+|x{3}|/[a-z]|https?:|\$\{?\w|\{\{|<[a-z]|os\.|process\.|env\b|getenv|self\.|settings\.|config|request\.|args\."
)


def find(text: str) -> Iterator[Span]:
    """The values alone, without the words that give them away."""
    if "://" in text:
        for match in _URL.finditer(text):
            yield Span(match.start("secret"), match.end("secret"), "SECRET")
    lowered = lower(text)
    if not any(hint in lowered for hint in _HINTS):
        return
    for match in _SHAPE.finditer(text):
        place = _place(match)
        if place:
            yield Span(*place, "SECRET")


def _place(match: re.Match[str]) -> tuple[int, int] | None:
    if match["quoted"] is not None:
        value, start = match["quoted"], match.start("quoted")
        good = bool(match["mark"] or match["word"]) and not _named(value)
        good = good and (not match["token"] or (len(value) >= 8 and " " not in value))
        return (start, start + len(value)) if good else None
    value, start = _plain(match["plain"]), match.start("plain")
    if not value or _named(value) or not _likely(match, value):
        return None
    return start, start + len(value)


def _plain(value: str) -> str:
    stop = _STOP.search(value)
    value = value[: stop.start()] if stop else value
    # An exclamation mark may well belong to a password; a full stop ends a sentence.
    return _TAIL.sub("", value) if not value.endswith("!") else value


def _named(value: str) -> bool:
    """Does it name a secret, or say something of one, instead of being one?"""
    return value.lower().strip(".") in _NOT or _REFERENCE.match(value) is not None


def _likely(match: re.Match[str], value: str) -> bool:
    digit = any(one.isdigit() for one in value)
    letter = any(one.isalpha() for one in value)
    mark = not value.isalnum()
    if match["code"] is not None:
        return 4 <= len(value) <= 12 and value.isalnum() and digit
    if match["token"] is not None:
        least = 16 if match["space"] else 8
        return (
            len(value) >= least and (digit or match["mark"] == "=") and letter and "(" not in value
        )
    if match["space"]:
        return len(value) >= 6 and digit and letter and not re.fullmatch(r"[vV]?[0-9.]+", value)
    if match["word"]:
        return len(value) >= 4 and (digit or mark)
    if not digit and not mark:
        return len(value) >= 5 and (match["mark"] == "=" or _ends(match))
    return len(value) >= 3 and "(" not in value[1:-1]


def _ends(match: re.Match[str]) -> bool:
    """Is nothing more said after it in its line?"""
    rest = match.string[match.end() : match.end() + 1]
    return rest in {"", "\n", "\r", ",", ";"} or not rest.isascii()
