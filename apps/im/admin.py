"""The console's pages of bots and deliveries; what they change goes through the actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.views.decorators.http import require_POST

from apps.audit.log import Actor
from apps.core.errors import ClawdbotError
from apps.core.i18n import both
from apps.im import bot_checks, bots
from apps.im.admin_forms import BotForm, NewBotForm, field_names, said
from apps.im.models import Bot, Delivery
from apps.im.registry import all_platforms, get_platform
from apps.im.replay import replay

REPLAY = "console.deliveries"
CHECK_S = 8.0

_SETTINGS = both("设置", "Settings")
_FOUND = both("{mark} {name}：{text}", "{mark} {name}: {text}")
_SENT_AGAIN = both("{count} 条投递将重发。", "{count} deliveries go out again.")

if TYPE_CHECKING:
    BotBase = admin.ModelAdmin[Bot]
    DeliveryBase = admin.ModelAdmin[Delivery]
else:  # it takes no parameter at run time
    BotBase = DeliveryBase = admin.ModelAdmin


@admin.register(Bot)
class BotAdmin(BotBase):
    """One account on one platform."""

    list_display = (
        "slug", "platform_name", "enabled", "trouble", "connection", "address", "created_at",
    )  # fmt: skip
    list_filter = ("platform", "enabled")
    search_fields = ("slug",)
    change_form_template = "admin/im/bot/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        """One more address: ask the platform."""
        check = path(
            "<path:object_id>/check/",
            self.admin_site.admin_view(require_POST(self.check_view)),
            name="im_bot_check",
        )
        return [check, *super().get_urls()]

    def has_delete_permission(self, request: HttpRequest, obj: Bot | None = None) -> bool:
        """The built-in bots stay."""
        return super().has_delete_permission(request, obj) and not (obj and _built_in(obj))

    def has_change_permission(self, request: HttpRequest, obj: Bot | None = None) -> bool:
        """The built-in bots have nothing to change, a lost platform has nothing to show."""
        fixed = obj is not None and (_built_in(obj) or obj.platform not in all_platforms())
        return super().has_change_permission(request, obj) and not fixed

    def get_form(
        self, request: HttpRequest, obj: Bot | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The first step, or the form that the platform's settings make."""
        if obj is None:
            return NewBotForm
        if not self.has_change_permission(request, obj):
            return super().get_form(request, obj, change=change, **kwargs)
        return BotForm

    def get_fieldsets(self, request: HttpRequest, obj: Bot | None = None) -> Any:
        """Where the vendor sends to, what to do there, and the settings."""
        if obj is None:
            return [(None, {"fields": ["platform", "slug"]})]
        if not self.has_change_permission(request, obj):
            return [(None, {"fields": ["slug", "platform", "enabled", "created_at"]})]
        platform = get_platform(obj.platform)
        head = ["platform_name", "slug", "address", "steps", "enabled", "connection"]
        head += ["trouble"] if obj.fault else []
        return [
            (None, {"fields": head}),
            (said(_SETTINGS), {"fields": field_names(platform, obj)}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Bot | None = None) -> list[str]:
        """A bot keeps its platform and its slug: both are part of its address."""
        if obj is None:
            return []
        if not self.has_change_permission(request, obj):
            return ["slug", "platform", "enabled", "created_at"]
        return ["platform_name", "slug", "address", "steps", "trouble"]

    @admin.display(description="平台 platform", ordering="platform")
    def platform_name(self, bot: Bot) -> str:
        """The platform in the reader's language."""
        platform = all_platforms().get(bot.platform)
        return said(platform.labels) if platform else bot.platform

    @admin.display(description="事件地址 webhook address")
    def address(self, bot: Bot) -> str:
        """What to paste at the vendor's; selected by one click."""
        found = bots.address_of(bot) if bot.platform in all_platforms() else ""
        if not found:
            return "—"
        return format_html('<code class="copy" style="user-select: all">{}</code>', found)

    @admin.display(description="停用原因 why it was disabled")
    def trouble(self, bot: Bot) -> str:
        """What the platform has against this bot; mended, it is enabled again by hand."""
        return bot.fault or "—"

    @admin.display(description="步骤 steps")
    def steps(self, bot: Bot) -> SafeString | str:
        """The vendor's steps."""
        text = said(get_platform(bot.platform).steps)
        return mark_safe(linebreaks(text, autoescape=True)) if text else "—"  # noqa: S308

    def save_model(self, request: HttpRequest, obj: Bot, form: Any, change: bool) -> None:
        """Change by the actions, so that console, command and API do the same."""
        actor = Actor.person(request.user)
        if not change:
            made = bots.add_bot(obj.platform, obj.slug, {}, actor, enabled=False)
            obj.pk, obj.uid, obj.enabled = made.pk, made.uid, False
            return
        wanted: bool = form.cleaned_data["enabled"]
        try:
            row = Bot.objects.get(pk=obj.pk)
            if row.enabled and not wanted:
                row = bots.set_enabled(row, False, actor)
            row = bots.update_settings(
                row, form.changes(), actor, connection=form.cleaned_data["connection"]
            )
            if wanted:
                bots.set_enabled(row, True, actor)
        except ClawdbotError as error:
            messages.error(request, error.text(get_language() or ""))

    def response_add(
        self, request: HttpRequest, obj: Bot, post_url_continue: str | None = None
    ) -> HttpResponse:
        """On to the settings."""
        return HttpResponseRedirect(reverse("admin:im_bot_change", args=[obj.pk]))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name the bots and count what goes with them, instead of listing every message."""
        found = list(objs)
        counted = {
            "messages": sum(bot.messages.count() for bot in found),
            "conversations": sum(bot.conversations.count() for bot in found),
            "deliveries": sum(bot.deliveries.count() for bot in found),
            "bindings": sum(bot.bindings.count() for bot in found),
        }
        protected = [str(bot) for bot in found if _built_in(bot)]
        return [str(bot) for bot in found], counted, set(), protected

    def delete_model(self, request: HttpRequest, obj: Bot) -> None:
        """Remove it; the audit keeps what it was."""
        bots.remove_bot(obj, Actor.person(request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Bot]) -> None:
        """Remove several."""
        for bot in queryset:
            bots.remove_bot(bot, Actor.person(request.user))

    def check_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Test the connection; the verdict is shown above the form."""
        bot = self.get_object(request, object_id)
        if bot is None:
            raise Http404
        if not self.has_change_permission(request, bot):
            raise PermissionDenied
        for check in bot_checks.check_bot(bot, Actor.person(request.user), timeout_s=CHECK_S):
            level = messages.ERROR if check.failed else messages.WARNING
            level = messages.SUCCESS if check.ok else level
            mark = "✓" if check.ok else "✗" if check.failed else "?"
            text = _FOUND.format(mark=mark, name=check.name, text=check.text)
            messages.add_message(request, level, said(text))
        return HttpResponseRedirect(reverse("admin:im_bot_change", args=[bot.pk]))


@admin.register(Delivery)
class DeliveryAdmin(DeliveryBase):
    """The outbox: to read, and to send again."""

    list_display = ("id", "created_at", "bot", "role", "state", "attempts", "to", "words", "why")
    list_filter = ("state", "role", "bot__platform", "bot")
    search_fields = ("=key", "trace_id", "chat_id", "platform_message_id", "text")
    date_hierarchy = "created_at"
    list_select_related = ("bot",)
    show_full_result_count = False
    actions = ("replay_selected",)

    def get_fields(self, request: HttpRequest, obj: Delivery | None = None) -> Any:
        """Everything that the row holds."""
        return [field.name for field in Delivery._meta.fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Deliveries come from messages and jobs."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        """What is said is not edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        """What was said stays."""
        return False

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """For operators."""
        return bool(request.user.has_perm(REPLAY))

    @admin.action(description="重发 send again", permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Send the chosen ones again under their own keys; says which could not be."""
        done = 0
        for row in queryset:
            try:
                replay(row, Actor.person(request.user))
                done += 1
            except ClawdbotError as error:
                messages.warning(request, error.text(get_language() or ""))
        if done:
            messages.success(request, said(_SENT_AGAIN.format(count=done)))

    @admin.display(description="发往 to")
    def to(self, row: Delivery) -> str:
        """Where it goes."""
        return row.private_to or row.chat_id

    @admin.display(description="内容 text")
    def words(self, row: Delivery) -> str:
        """How it begins."""
        return row.text[:60]

    @admin.display(description="错误 error")
    def why(self, row: Delivery) -> str:
        """Why it is not there yet."""
        return row.last_error[:80]


def _built_in(bot: Bot) -> bool:
    platform = all_platforms().get(bot.platform)
    return platform is not None and platform.built_in
