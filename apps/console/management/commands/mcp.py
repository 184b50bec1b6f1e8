"""`manage.py mcp …`: servers whose tools become skills once they were reviewed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandParser

from apps.console.cli import ConsoleCommand, Options, Refused, cli_actor, key_values, said, table
from apps.core.i18n import both
from apps.skills.mcp import definition as definitions
from apps.skills.mcp import review, servers
from apps.skills.mcp.definition import Definition
from apps.skills.models import McpServer, McpTool

YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
KEYS = "url, token, private=yes|no, timeout, header.NAME"
_STDIO_KEYS = frozenset({"command", "args", "stdio", "env"})


class Command(ConsoleCommand):
    """Add servers, fetch their tools, review them."""

    help = "Tools of MCP servers as skills. MCP 服务器的工具。"

    def add_arguments(self, parser: CommandParser) -> None:
        """The verbs and what they take."""
        verbs = self.verbs(parser)
        for name, run, summary in (
            ("add", self._add, both("登记服务器", "add a server")),
            ("set", self._set, both("改地址、令牌", "change a server")),
        ):
            found = self.verb(verbs, name, run, summary)
            found.add_argument("server", metavar="NAME")
            found.add_argument("pairs", nargs="+", metavar="KEY=VALUE", help=KEYS)
        self.verb(verbs, "list", self._list, both("列出服务器", "list the servers"), as_json=True)
        fetch = both("获取工具并与审核时比较", "fetch the tools and compare them")
        self._of_server(self.verb(verbs, "refresh", self._refresh, fetch, as_json=True))
        tools = self.verb(
            verbs, "tools", self._tools, both("列出工具，或详看一个", "list tools, or show one"),
            as_json=True,
        )  # fmt: skip
        self._of_server(tools, tool=True)
        enable = self.verb(
            verbs, "enable", self._enable, both("审核通过并启用", "reviewed: make it a skill")
        )
        self._of_server(enable, tool=True)
        enable.add_argument("--read-only", action="store_true")
        off = both("停用工具，或整个服务器", "switch a tool, or the whole server, off")
        self._of_server(self.verb(verbs, "disable", self._disable, off), tool=True)
        self._of_server(self.verb(verbs, "remove", self._remove, both("删除", "remove a server")))

    def _of_server(self, parser: CommandParser, *, tool: bool = False) -> None:
        parser.add_argument("server", metavar="NAME")
        if tool:
            parser.add_argument("tool", nargs="?", default="", metavar="TOOL")

    def _add(self, options: Options) -> None:
        given = _given(options["pairs"])
        row = servers.add(options["server"], **{"url": "", **given}, actor=cli_actor())
        self.say(
            both(
                f"已登记 {row}；接着：manage.py mcp refresh {row}",
                f"Added {row}; next: manage.py mcp refresh {row}",
            )
        )

    def _set(self, options: Options) -> None:
        row = servers.change(_server(options), **_given(options["pairs"]), actor=cli_actor())
        self.say(both(f"已更改 {row}", f"Changed {row}"))

    def _list(self, options: Options) -> None:
        found = [
            {
                "name": row.name,
                "url": row.url,
                "enabled": row.enabled,
                "private": row.private,
                "protocol": row.protocol,
                "headers": sorted(servers.headers_of(row)),
                "checked_at": row.checked_at,
                "tools": row.tools.filter(state="enabled").count(),
            }
            for row in McpServer.objects.order_by("name")
        ]
        rows = [(s["name"], "on" if s["enabled"] else "off", s["tools"], s["url"]) for s in found]
        self.show(options, found, table([("NAME", "", "SKILLS", "URL"), *rows]))

    def _refresh(self, options: Options) -> None:
        news = review.refresh(_server(options), cli_actor())
        found = {name: getattr(news, name) for name in news.__slots__}
        self.show(options, found, table([(k, ", ".join(v) or "-") for k, v in found.items()]))

    def _tools(self, options: Options) -> None:
        server = _server(options)
        if options["tool"]:
            row = _tool(options)
            self.show(options, _shown(row), _detail(row))
            return
        found = [_shown(row) for row in server.tools.order_by("name")]
        rows = [(t["name"], t["state"], t["skill"], t["problem"]) for t in found]
        self.show(options, found, table([("TOOL", "STATE", "SKILL", "PROBLEM"), *rows]))

    def _enable(self, options: Options) -> None:
        """What is stored now is what counts as looked at."""
        if not options["tool"]:
            servers.set_enabled(_server(options), True, cli_actor())
            self.say(both(f"已启用 {options['server']}", f"{options['server']} is on"))
            return
        row = _tool(options)
        sha256 = review.current(row).sha256
        row = review.enable(row, sha256=sha256, read_only=options["read_only"], actor=cli_actor())
        permission = f"skill.{row.skill_name}"
        self.say(
            both(
                f"已启用 /{row}；允许角色使用：manage.py role allow ROLE {permission}",
                f"/{row} is on; let a role use it: manage.py role allow ROLE {permission}",
            )
        )

    def _disable(self, options: Options) -> None:
        if options["tool"]:
            review.disable(_tool(options), cli_actor())
        else:
            servers.set_enabled(_server(options), False, cli_actor())
        name = options["tool"] or options["server"]
        self.say(both(f"已停用 {name}", f"{name} is off"))

    def _remove(self, options: Options) -> None:
        servers.remove(_server(options), cli_actor())
        self.say(both(f"已删除 {options['server']}", f"Removed {options['server']}"))


def _given(pairs: Iterable[str]) -> dict[str, Any]:
    """The settings as the actions take them."""
    values = key_values(pairs)
    if _STDIO_KEYS & values.keys():
        raise Refused(servers.STDIO)
    headers = {k.partition(".")[2]: values.pop(k) for k in list(values) if k.startswith("header.")}
    token = values.pop("token", None)
    found: dict[str, Any] = {}
    if token is not None or headers:
        found["headers"] = {**servers.bearer(token or ""), **headers}
    if "private" in values:
        found["private"] = _yes_or_no(values.pop("private"))
    if "timeout" in values:
        found["timeout_s"] = _number(values.pop("timeout"))
    if "url" in values:
        found["url"] = values.pop("url")
    if values:
        raise Refused(both(f"没有 {min(values)}；可用：{KEYS}", f"no {min(values)}; known: {KEYS}"))
    return found


def _yes_or_no(word: str) -> bool:
    if word.lower() not in YES:
        raise Refused(both("private 应为 yes 或 no。", "private is yes or no."))
    return YES[word.lower()]


def _number(word: str) -> int:
    if not (word.isascii() and word.isdecimal()):
        raise Refused(servers.TIMEOUT)
    return int(word[:6])


def _server(options: Options) -> McpServer:
    found = McpServer.objects.filter(name=options["server"]).first()
    if found is None:
        names = McpServer.objects.order_by("name").values_list("name", flat=True)
        known, name = ", ".join(names) or "-", options["server"]
        raise Refused(both(f"没有 {name}；现有：{known}", f"no server {name}; known: {known}"))
    return found


def _tool(options: Options) -> McpTool:
    rows = _server(options).tools
    found = rows.filter(name=options["tool"]).first() or rows.filter(
        skill_name=options["tool"]
    ).first()  # fmt: skip
    if found is None:
        known = ", ".join(rows.order_by("name").values_list("name", flat=True)) or "-"
        name = options["tool"]
        raise Refused(both(f"没有工具 {name}；现有：{known}", f"no tool {name}; known: {known}"))
    return found


def _shown(row: McpTool) -> dict[str, Any]:
    current = review.current(row)
    problem = review.problem(current)
    return {
        "name": row.name,
        "skill": row.skill_name,
        "state": row.state,
        "read_only": row.read_only,
        "sha256": row.sha256,
        "offered_sha256": row.offered_sha256,
        "problem": said(problem) if problem else "",
        "hidden": current.hidden,
        "definition": current.to_json(),
    }


def _detail(row: McpTool) -> list[str]:
    current = review.current(row)
    lines = [f"{row.skill_name} ({row.state})", *current.lines()]
    if current.hidden:
        lines.append(f"! {said(definitions.HIDDEN)}")
    if row.offered:
        lines += ["", *definitions.diff(Definition.stored(row.definition), current)]
    return lines
