"""What the audit refuses."""

from __future__ import annotations

from apps.core.errors import ClawdbotError


class AppendOnlyError(ClawdbotError):
    """The audit log is never changed: rows can be added and read."""

    code = "append_only"
    zh = "审计记录不可更改:只能新增和读取。"
    http_status = 403
    permanent = True
