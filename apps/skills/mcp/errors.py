"""Why a tool of an MCP server could not be used, with the mend."""

from __future__ import annotations

from apps.core.errors import ClawdbotError


class McpError(ClawdbotError):
    """The MCP server {server} did not do it."""

    code = "mcp"
    zh = "MCP 服务器 {server} 没有完成请求。"
    http_status = 502


class NotLetIn(McpError):
    """The MCP server {server} does not let us in ({why}). An administrator has to renew its token:
    manage.py mcp set {server} token=…"""

    code = "mcp_not_let_in"
    zh = (
        "MCP 服务器 {server} 不让我们进入（{why}）。"
        "请管理员更新令牌：manage.py mcp set {server} token=…"
    )
    permanent = True


class Busy(McpError):
    """The MCP server {server} is busy or broken ({why}). Please try again later."""

    code = "mcp_busy"
    zh = "MCP 服务器 {server} 忙或出了故障（{why}）。请稍后再试。"
    http_status = 503


class Nonsense(McpError):
    """The MCP server {server} does not answer as the protocol wants it ({why}). Its operator has to
    mend it, or an administrator its address."""

    code = "mcp_nonsense"
    zh = "MCP 服务器 {server} 的应答不合协议（{why}）。需要它的运维修复，或由管理员核对地址。"
    permanent = True


class BrokenOff(McpError):
    """The answer of the MCP server {server} broke off. It may have done what was asked."""

    code = "mcp_broken_off"
    zh = "MCP 服务器 {server} 的应答中断了，所要的事可能已经做了。"


class ToolFailed(McpError):
    """The MCP server {server} reports an error: {why}"""

    code = "mcp_tool_failed"
    zh = "MCP 服务器 {server} 报告错误：{why}"
    http_status = 422
    permanent = True


class ToolChanged(McpError):
    """The tool {tool} of the MCP server {server} is not the one that was reviewed. It is off until
    an administrator has looked at it again."""

    code = "mcp_tool_changed"
    zh = "MCP 服务器 {server} 的工具 {tool} 与审核时不同，已停用，等管理员重新审核。"
    http_status = 409
    permanent = True


class ToolOff(McpError):
    """The tool {tool} of the MCP server {server} is switched off."""

    code = "mcp_tool_off"
    zh = "MCP 服务器 {server} 的工具 {tool} 已停用。"
    http_status = 409
    permanent = True


class BadServer(McpError):
    """The settings of the MCP server {server} are not right: {why}."""

    code = "bad_mcp_server"
    zh = "MCP 服务器 {server} 的设置不正确：{why}。"
    http_status = 400
    permanent = True


class CannotEnable(McpError):
    """The tool {tool} cannot be enabled: {why}."""

    code = "mcp_cannot_enable"
    zh = "工具 {tool} 不能启用：{why}。"
    http_status = 409
    permanent = True
