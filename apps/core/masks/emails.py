"""E-mail addresses, international ones included: 王五@例子.公司."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apps.core.masks.found import Span

_LOCAL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_%+-])?$")
_LOCAL_CJK = re.compile(r"[\u4e00-\u9fff·]{1,8}$")
# What may stand before a Chinese name and is no part of it.
_LEAD = re.compile(
    r".*(?:邮箱|邮件|地址|发送|发给|抄送|密送|联系|通知|转给|转发|回复|请|给|致|寄|到|向|和|与|及|是|为)",
    re.S,
)
_TLD = (
    r"[A-Za-z]{2,24}|xn--[A-Za-z0-9-]{2,59}|公司|中国|中國|网络|網絡|集团|集團|网址|网站|在线|中文网|"
    r"商城|商店|企业|信息|移动|政务|公益|香港|台湾|台灣|新加坡|世界|娱乐|游戏|时尚|购物|我爱你"
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(
    rf"(?:{_LABEL}\.){{1,8}}(?:[A-Za-z]{{2,24}}|xn--[A-Za-z0-9-]{{2,59}})(?![A-Za-z0-9])"
)
_DOMAIN_IDN = re.compile(
    rf"(?:(?:[A-Za-z0-9\u4e00-\u9fff-]{{1,63}})\.){{1,8}}(?:{_TLD})(?![A-Za-z0-9])"
)
#: `git@github.com:owner/name` is an address of a repository.
_REPOSITORY = re.compile(r":[A-Za-z0-9_.~/-]")
_USER = re.compile(r"://[^\s/@]{0,80}$")


def find(text: str) -> Iterator[Span]:
    """Addresses around each @ of a folded text."""
    at = text.find("@")
    while at >= 0:
        start, end = _start(text, at), _end(text, at + 1)
        if start < at and end and not _of_a_machine(text, start, at, end):
            yield Span(start, end, "EMAIL")
        at = text.find("@", at + 1)


def _of_a_machine(text: str, start: int, at: int, end: int) -> bool:
    """Is it `git@host:path`, or the user of a URL?"""
    if text[start:at] == "git" and _REPOSITORY.match(text, end):
        return True
    return _USER.search(text[max(0, start - 100) : start]) is not None


def _start(text: str, at: int) -> int:
    head = text[max(0, at - 65) : at]
    found = _LOCAL.search(head)
    if found:
        return at - (len(head) - found.start())
    named = _LOCAL_CJK.search(head)
    if not named:
        return at
    name = named.group()
    lead = _LEAD.match(name)
    return at - len(name) + (lead.end() if lead else 0)


def _end(text: str, start: int) -> int:
    found = _DOMAIN.match(text, start, start + 254) or _DOMAIN_IDN.match(text, start, start + 254)
    return found.end() if found else 0
