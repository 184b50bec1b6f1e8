"""The audit in the console: to search and to read, for people with `audit.read`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html

from apps.audit.models import AuditRow, Seal

MOST = 10_000

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
    AnyPaginator = Paginator[Any]
else:  # they take no parameter at run time
    AnyAdmin = admin.ModelAdmin
    AnyPaginator = Paginator


class _Newest(AnyPaginator):
    """Pages of the newest rows: counting millions would take longer than the page."""

    @cached_property
    def count(self) -> int:
        """How many there are, as far as anybody turns pages."""
        rows: Any = self.object_list
        return int(rows[:MOST].count())


class _Reading(AnyAdmin):
    show_full_result_count = False
    paginator = _Newest
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows are written by what happens."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes the past."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody removes it."""
        return False


@admin.register(AuditRow)
class AuditRowAdmin(_Reading):
    """Who did what to what, newest first."""

    ordering = ("-id",)
    list_display = ("at", "who", "action", "what", "outcome", "sealed")
    list_filter = ("at",)
    search_fields = ("trace_id",)  # shows the box; get_search_results() does it
    search_help_text = "trace id · person:7 · cli:root · role.allow · job:12"
    fields = (
        *("at", "actor", "actor_label", "action", "object_type", "object_id", "object_label"),
        *("outcome", "trace_id", "details", "producer", "seq", "mac", "seal"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditRow], search_term: str
    ) -> tuple[QuerySet[AuditRow], bool]:
        """Whole values only, each of which has an index: the log has millions of rows."""
        word = search_term.strip()
        if not word:
            return queryset, False
        kind, _, key = word.partition(":")
        found = Q(trace_id=word) | Q(actor=word) | Q(action=word)
        return queryset.filter(found | Q(object_type=kind, object_id=key)), False

    @admin.display(description="谁 who")
    def who(self, row: AuditRow) -> str:
        """The readable name, else the key."""
        return row.actor_label or row.actor

    @admin.display(description="对象 what")
    def what(self, row: AuditRow) -> str:
        """Type and name of what it was done to."""
        return " ".join(
            part for part in (row.object_type, row.object_label or row.object_id) if part
        )

    @admin.display(description="已封签 sealed", boolean=True)
    def sealed(self, row: AuditRow) -> bool:
        """Whether a seal covers it yet."""
        return row.seal_id is not None

    @admin.display(description="详情 details")
    def details(self, row: AuditRow) -> str:
        """The data, readable."""
        return format_html("<pre>{}</pre>", json.dumps(row.data, ensure_ascii=False, indent=2))


@admin.register(Seal)
class SealAdmin(_Reading):
    """The links of the chain."""

    ordering = ("-number",)
    list_display = ("number", "at", "rows", "first_id", "last_id", "digest")
