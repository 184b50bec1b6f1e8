"""The console's pages of messages, conversations, jobs and approvals: to read and to act on.

Nothing is edited here: rows change only through the actions that the chat and the API call, too.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import Truncator

from apps.accounts.models import Person
from apps.assistant import actions, approvals, needs
from apps.assistant.admin_acts import Act, ActingAdmin
from apps.assistant.models import Approval, Conversation, Job, Message
from apps.assistant.plan import PLAN
from apps.audit.log import Actor
from apps.core.clock import utcnow
from apps.core.i18n import Text, both

OPERATE = "console.jobs"
DETAILS = "细节 details"


def _replay(message: Message, person: Person) -> Text:
    actions.replay_message(message, Actor.person(person))
    return both("已重新放回收件箱。", "It is back in the inbox.")


def _cancel(job: Job, person: Person) -> Text:
    actions.cancel_job(job, person)
    return both("已取消 {number}。", "Cancelled {number}.").format(number=job.number)


def _retry(job: Job, person: Person) -> Text:
    fresh = actions.retry_job(job, person)
    text = both("已重新提交：{number}。", "Submitted again as {number}.")
    return text.format(number=fresh.number)


def _approve(approval: Approval, person: Person) -> Text:
    approvals.decide(approval.code, person, True, utcnow())
    return both("已批准。", "Approved.")


def _deny(approval: Approval, person: Person) -> Text:
    approvals.decide(approval.code, person, False, utcnow())
    return both("已拒绝。", "Denied.")


def _may_decide(approval: Approval, person: Person) -> bool:
    """Is it this person's to decide? The action itself asks again, and knows all the rules."""
    own = approval.job.person_id == person.pk
    wanted = needs.approving(approval.job.skill, approval.job.parameters)
    may = own if approval.kind == "confirm" else all(map(person.has_perm, wanted))
    return approval.state == "waiting" and may and own == (approval.kind == "confirm")


@admin.register(Message)
class MessageAdmin(ActingAdmin):
    """The inbox."""

    list_display = ("id", "created_at", "bot", "sender", "short_text", "state", "reason")
    list_filter = ("state", "origin", "bot", "kind")
    search_fields = ("trace_id", "event_id", "sender_id", "sender_name", "text", "person__name")
    date_hierarchy = "created_at"
    fieldsets = (
        (None, {"fields": ("text", "state", "reason", "person", "bot", "conversation", "kind")}),
        (
            DETAILS,
            {
                "classes": ("collapse",),
                "fields": (
                    "origin",
                    "sender_name",
                    "sender_id",
                    "chat_type",
                    "mentions_bot",
                    "created_at",
                    "handled_at",
                    "lane",
                    "not_before",
                    "attempts",
                    "last_error",
                    "event_id",
                    "second_key",
                    "platform_message_id",
                    "payload",
                    "trace_id",
                ),
            },
        ),
    )
    acts = (
        Act(
            "replay",
            both("重放", "Replay"),
            _replay,
            lambda message, _: message.state == "dead",
            permission=OPERATE,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """One query for a page of the list."""
        return super().get_queryset(request).select_related("bot", "person", "conversation__bot")

    @admin.display(description="发送者 sender")
    def sender(self, message: Message) -> str:
        """Who wrote, as a person when we know."""
        return str(message.person or message.sender_name or message.sender_id)

    @admin.display(description="内容 text")
    def short_text(self, message: Message) -> str:
        """The beginning."""
        return Truncator(message.text).chars(60)


@admin.register(Conversation)
class ConversationAdmin(ActingAdmin):
    """The chats."""

    list_display = ("id", "bot", "chat_id", "chat_type", "title", "created_at")
    list_filter = ("bot", "chat_type")
    search_fields = ("chat_id", "title")
    list_select_related = ("bot",)


@admin.register(Job)
class JobAdmin(ActingAdmin):
    """The jobs."""

    list_display = ("number", "skill", "person", "state", "lane", "attempts", "created_at", "took")
    list_filter = ("state", "skill", "lane")
    search_fields = ("number", "trace_id", "person__name", "skill")
    date_hierarchy = "created_at"
    list_select_related = ("person", "conversation__bot")
    fieldsets = (
        (None, {"fields": ("skill", "parameters", "state", "person", "conversation", "result")}),
        (
            DETAILS,
            {
                "classes": ("collapse",),
                "fields": (
                    "number",
                    "message",
                    "retry_of",
                    "asking_for",
                    "reply_role",
                    "lane",
                    "not_before",
                    "attempts",
                    "last_error",
                    "worker",
                    "stop_requested",
                    "created_at",
                    "started_at",
                    "finished_at",
                    "trace_id",
                ),
            },
        ),
    )
    acts = (
        Act(
            "cancel",
            both("取消", "Cancel"),
            _cancel,
            lambda job, _: job.state not in Job.FINAL,
            danger=True,
            permission=OPERATE,
        ),
        Act(
            "retry",
            both("再次运行", "Run again"),
            _retry,
            lambda job, _: job.state in Job.FINAL,
            permission=OPERATE,
        ),
    )

    @admin.display(description="用时 took")
    def took(self, job: Job) -> str:
        """How long it ran, or has been running."""
        if job.started_at is None:
            return "-"
        end = job.finished_at or utcnow()
        return f"{(end - job.started_at).total_seconds():.1f} s"

    def story(self, found: Job) -> dict[str, Any]:
        """A plan's steps, too."""
        return {"plan": list(found.steps.all()) if found.skill == PLAN else []}

    def live(self, job: Job) -> bool:
        """While it waits or runs."""
        return job.state in ("waiting", "running")

    def links(self, job: Job) -> list[tuple[str, str]]:
        """Where else to look."""
        return [("Flower", f"/flower/tasks?name=skill.{job.skill}")]


@admin.register(Approval)
class ApprovalAdmin(ActingAdmin):
    """The questions that wait for a decision, and the decided ones."""

    list_display = ("code", "kind", "state", "job_link", "asker", "decided_by", "expires_at")
    list_filter = ("state", "kind")
    search_fields = ("code", "job__number", "job__person__name")
    list_select_related = ("job__person", "decided_by")
    acts = (
        Act("approve", both("批准", "Approve"), _approve, _may_decide),
        Act("deny", both("拒绝", "Deny"), _deny, _may_decide, danger=True),
    )

    @admin.display(description="任务 job")
    def job_link(self, approval: Approval) -> str:
        """The job that waits."""
        url = f"/admin/assistant/job/{approval.job_id}/change/"
        return format_html('<a href="{}">{}</a>', url, approval.job)

    @admin.display(description="提出者 asker")
    def asker(self, approval: Approval) -> str:
        """Who asked."""
        return str(approval.job.person)

    def trace_of(self, found: Any) -> str:
        """The job's trace tells the story."""
        return str(found.job.trace_id)
