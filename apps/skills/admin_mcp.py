"""The console's pages of MCP servers and the review of their tools."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import get_language

from apps.accounts.admin_base import ActionAdmin, ActionForm, actor_of, sentence
from apps.audit.actor import Actor
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.skills.mcp import definition as definitions
from apps.skills.mcp import review, servers
from apps.skills.mcp.definition import Definition
from apps.skills.models import McpServer, McpTool

FETCH_S = 20

_TOKEN = both("令牌（留空则不变）", "Token (left empty it stays)")
_FETCHED = both(
    "{server}：新 {new}，变更 {changed}，消失 {gone}，未变 {same}",
    "{server}: {new} new, {changed} changed, {gone} gone, {same} the same",
)
_READ_ONLY = both(
    "它只读取：不必每次请提出人确认", "It only reads: its asker need not confirm each call"
)
_ENABLED = both("审核通过，作为技能启用", "Reviewed: enable it as a skill")
_HINTS = both("服务器自己的说法，不可信", "what the server says of itself; nobody vouches for it")


def said(text: Text) -> str:
    """A text in the reader's language."""
    return text.in_(get_language() or "")


class ServerForm(ActionForm):
    """The address and the token; the token goes in and never comes out."""

    new_token = forms.CharField(
        required=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    class Meta:
        model = McpServer
        fields = ("name", "url", "private", "timeout_s", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_token"].label = said(_TOKEN)
        if self.instance.pk and "name" in self.fields:  # who may only look has no such field
            self.fields["name"].disabled = True

    def act(self) -> McpServer:
        """Add or change it, and switch it on or off."""
        given = self.cleaned_data
        headers = servers.bearer(given["new_token"]) if given["new_token"] else None
        common: dict[str, Any] = {
            "url": given["url"], "private": given["private"], "headers": headers,
            "timeout_s": given["timeout_s"], "actor": self.actor,
        }  # fmt: skip
        if self.instance.pk:
            row = servers.change(McpServer.objects.get(pk=self.instance.pk), **common)
        else:
            row = servers.add(given["name"], **common)
        servers.set_enabled(row, given["enabled"], self.actor)
        return row


@admin.register(McpServer)
class McpServerAdmin(ActionAdmin):
    """Where tools come from."""

    form = ServerForm
    list_display = ("name", "url", "private", "enabled", "protocol", "checked_at")
    fields = ("name", "url", "private", "new_token", "timeout_s", "enabled")
    actions = ("fetch",)

    def remove(self, found: McpServer, actor: Actor) -> None:
        """Forget it, with its tools and its token."""
        servers.remove(found, actor)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its tools, which nobody deletes by themselves, go with it."""
        shown, counts, missing, held = super().get_deleted_objects(objs, request)
        return shown, counts, missing - {McpTool._meta.verbose_name}, held

    @admin.action(description="获取工具 fetch tools", permissions=["change"])
    def fetch(self, request: HttpRequest, chosen: QuerySet[McpServer]) -> None:
        """Ask each server for its tools; one that does not answer does not hold up the others."""
        for server in chosen:
            try:
                news = review.refresh(server, actor_of(request), within_s=FETCH_S)
            except ClawdbotError as error:
                messages.error(request, sentence(error))
                continue
            counts = {name: len(getattr(news, name)) for name in news.__slots__}
            messages.success(request, said(_FETCHED.format(server=server.name, **counts)))


class ToolForm(ActionForm):
    """The review: what was looked at is named by its hash."""

    seen = forms.CharField(widget=forms.HiddenInput())
    enable = forms.BooleanField(required=False)

    class Meta:
        model = McpTool
        fields = ("read_only",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "read_only" in self.fields:
            self.fields["read_only"].label = said(_READ_ONLY)
        self.fields["enable"].label = said(_ENABLED)
        self.fields["enable"].initial = self.instance.state == "enabled"
        self.fields["seen"].initial = review.current(self.instance).sha256

    def act(self) -> McpTool:
        """Enable what was shown, or disable it."""
        row = McpTool.objects.get(pk=self.instance.pk)
        if not self.cleaned_data["enable"]:
            return review.disable(row, self.actor)
        return review.enable(
            row, sha256=self.cleaned_data["seen"], read_only=self.cleaned_data["read_only"],
            actor=self.actor,
        )  # fmt: skip


@admin.register(McpTool)
class McpToolAdmin(ActionAdmin):
    """What servers offer: nothing of it is a skill before somebody looked at it here."""

    form = ToolForm
    list_display = ("skill_name", "server", "name", "state", "read_only", "reviewed_by")
    list_filter = ("state", "server")
    readonly_fields = (
        "skill_name", "state", "warnings", "offered_now", "what_changed", "hints", "reviewed_by",
        "reviewed_at",
    )  # fmt: skip
    fields = (*readonly_fields, "seen", "read_only", "enable")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tools come from their servers."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They go with their server."""
        return False

    @admin.display(description="定义 definition")
    def offered_now(self, row: McpTool) -> str:
        """The whole of it, with what cannot be seen made visible."""
        return _block(review.current(row).lines())

    @admin.display(description="变更 changes")
    def what_changed(self, row: McpTool) -> str:
        """Against what was reviewed, line by line."""
        if not row.offered:
            return "—"
        old, new = Definition.stored(row.definition), Definition.stored(row.offered)
        return _block(definitions.diff(old, new))

    @admin.display(description="注意 mind")
    def warnings(self, row: McpTool) -> str:
        """What keeps it from being a skill, and what looks odd."""
        current = review.current(row)
        found = [review.problem(current), definitions.HIDDEN if current.hidden else None]
        return "; ".join(said(one) for one in found if one) or "—"

    @admin.display(description="自称 hints")
    def hints(self, row: McpTool) -> str:
        """The annotations: nothing follows from them."""
        given = review.current(row).annotations
        return f"{said(_HINTS)}: {dict(given)}" if given else "—"


def _block(lines: Any) -> str:
    return format_html('<pre style="white-space: pre-wrap">{}</pre>', "\n".join(lines))
