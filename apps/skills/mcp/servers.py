"""What can be done to a server's row: each checks, changes and audits in one transaction.

The rows are the list of hosts that may be called: nothing but their addresses is, a redirect is not
followed, and of a row that is not `private` the address must be https on port 443 and public.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from apps.audit import log as audit
from apps.audit.log import Actor
from apps.core import addresses, crypto, strictjson
from apps.core.http_errors import Refused
from apps.core.i18n import Text, both
from apps.skills import added
from apps.skills.mcp.channel import Endpoint
from apps.skills.mcp.errors import BadServer
from apps.skills.models import McpServer

LONGEST_S = 300
MOST_HEADERS = 20
_NAME = re.compile(r"[a-z][a-z0-9]{0,15}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")
_VALUE = re.compile(r"[\x20-\x7e]{1,4000}")
#: What the protocol itself decides.
_OURS = frozenset({"accept", "content-type", "cookie", "host", "origin"})

NAME = both(
    "名字应为 1 至 16 个小写字母或数字，以字母开头",
    "a name is 1 to 16 lower-case letters and digits, and begins with a letter",
)
TAKEN = both("这个名字已有", "there is one of this name already")
STDIO = both(
    "不启动本机程序（stdio）：那等于让别人的代码在这里运行。请让它以 streamable HTTP 提供服务，"
    "再填它的 https 地址",
    "programs are not started here (stdio): that would be running somebody's code. Have it serve "
    "streamable HTTP and give its https address",
)
URL = both("url 不是可用的 http(s) 地址", "url is no http(s) address that can be called")
PUBLIC = both(
    "公网地址须为 https、443 端口且不是内网地址；若它在自己的网络里，请加 private=yes",
    "an address must be https, port 443 and public; if it is in your own network add private=yes",
)
TIMEOUT = both(f"timeout 应为 1 至 {LONGEST_S} 秒", f"timeout is 1 to {LONGEST_S} seconds")
HEADERS = both("请求头 {name} 不可用", "the header {name} cannot be sent")


def add(
    name: str,
    *,
    url: str,
    actor: Actor,
    private: bool = False,
    headers: Mapping[str, str] | None = None,
    timeout_s: int = 30,
) -> McpServer:
    """Keep a server. Nothing of it can be asked before its tools were fetched and reviewed.

    Raises `BadServer`.
    """
    if not _NAME.fullmatch(name):
        raise BadServer(server=name[:40], why=NAME)
    if McpServer.objects.filter(name=name).exists():
        raise BadServer(server=name, why=TAKEN)
    row = McpServer(name=name)
    return _set(row, "mcp.server_added", actor, url, private, headers or {}, timeout_s)


def change(
    row: McpServer,
    actor: Actor,
    *,
    url: str | None = None,
    private: bool | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: int | None = None,
) -> McpServer:
    """Change what is not None. What it speaks and whether its tools are still the same is found out
    anew. Raises `BadServer`."""
    return _set(
        row, "mcp.server_changed", actor,
        row.url if url is None else url,
        row.private if private is None else private,
        headers,
        row.timeout_s if timeout_s is None else timeout_s,
    )  # fmt: skip


def _set(
    row: McpServer, action: str, actor: Actor, url: str, private: bool,
    headers: Mapping[str, str] | None, timeout_s: int,
) -> McpServer:  # fmt: skip
    _check(row.name, url, private, headers or {}, timeout_s)
    with transaction.atomic():
        row.url, row.private, row.timeout_s = url, private, timeout_s
        row.protocol, row.checked_at = "", None
        if headers is not None:
            shown = strictjson.dumps(dict(headers))
            row.headers = crypto.encrypt(shown, row.aad) if headers else ""
        row.save()
        added.changed()
        data = {"url": url, "private": private, "headers": sorted(headers_of(row))}
        _audit(action, row, actor, data)
    return row


def set_enabled(row: McpServer, enabled: bool, actor: Actor) -> None:
    """Switch all its skills on or off at once; what was reviewed stays reviewed."""
    with transaction.atomic():
        if McpServer.objects.filter(pk=row.pk).exclude(enabled=enabled).update(enabled=enabled):
            added.changed()
            _audit("mcp.server_on" if enabled else "mcp.server_off", row, actor, {})
    row.enabled = enabled


def remove(row: McpServer, actor: Actor) -> None:
    """Forget a server, its tools and its headers."""
    with transaction.atomic():
        _audit("mcp.server_removed", row, actor, {"tools": row.tools.count()})
        row.delete()
        added.changed()


def endpoint_of(row: McpServer) -> Endpoint:
    """Where it is and what it is sent. Raises `SecretError`."""
    return Endpoint(row.name, row.url, row.private, headers_of(row))


def headers_of(row: McpServer) -> dict[str, str]:
    """The headers in clear, for the one call that needs them."""
    if not row.headers:
        return {}
    found: dict[str, str] = strictjson.loads(crypto.decrypt(row.headers, row.aad))
    return found


def bearer(token: str) -> dict[str, str]:
    """The header of a token; none for an empty one."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def _check(name: str, url: str, private: bool, headers: Mapping[str, str], timeout_s: int) -> None:
    def refuse(why: Text) -> BadServer:
        return BadServer(server=name, why=why)

    if urlsplit(url).scheme not in {"http", "https"}:
        raise refuse(URL if "://" in url and not url.startswith("stdio") else STDIO)
    try:
        target = addresses.parse(url)
    except Refused as error:
        raise refuse(URL) from error
    if not private and not _may_be_public(target):
        raise refuse(PUBLIC)
    if not 1 <= timeout_s <= LONGEST_S:
        raise refuse(TIMEOUT)
    wrong = [k for k, v in headers.items() if not _sendable(k, v)]
    if wrong or len(headers) > MOST_HEADERS or len(url) > 500:
        raise refuse(HEADERS.format(name=wrong[0][:60]) if wrong else URL)


def _may_be_public(target: addresses.Target) -> bool:
    try:
        addresses.check_payload(target, (target.host,))
    except Refused:
        return False
    if target.host == "localhost" or target.host.endswith(".localhost"):
        return False
    try:
        return addresses.is_public(ipaddress.ip_address(target.host))
    except ValueError:
        return True  # a name: what it resolves to is looked at by every call


def _sendable(name: str, value: str) -> bool:
    lower = name.lower()
    if lower in _OURS or lower.startswith("mcp-") or not _HEADER.fullmatch(name):
        return False
    return bool(_VALUE.fullmatch(value)) and value == value.strip()


def _audit(action: str, row: McpServer, actor: Actor, data: dict[str, Any]) -> None:
    obj = ("mcp_server", row.pk, row.name)
    audit.record(action, actor=actor, obj=obj, outcome="done", data=data)
