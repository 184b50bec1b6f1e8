"""People, roles and what belongs to them in the console; every change is one of the actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import get_language

from apps.accounts import grants, identity, people, tokens
from apps.accounts.admin_base import ActionAdmin, AnyAdmin, ReadingAdmin, actor_of
from apps.accounts.admin_forms import BindingForm, GrantForm, PersonForm, RoleForm, TokenForm
from apps.accounts.models import (
    ApiToken,
    Binding,
    Department,
    Grant,
    PairingCode,
    Person,
    Role,
    SignInLink,
)
from apps.audit import log
from apps.audit.actor import Actor
from apps.core.i18n import both

if TYPE_CHECKING:
    AnyInline = admin.TabularInline[Any, Any]
else:  # it takes no parameter at run time
    AnyInline = admin.TabularInline


class _Shown(AnyInline):
    """Rows below another, to look at; each leads to its own page."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """On its own page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class _Bindings(_Shown):
    model = Binding
    fields = ("bot", "external_id", "created_at")


class _Tokens(_Shown):
    model = ApiToken
    fields = ("name", "last4", "created_at", "expires_at", "used_at")


@admin.register(Person)
class PersonAdmin(ActionAdmin):
    """Somebody, with roles and identities. Leavers are switched off, not deleted."""

    form = PersonForm
    list_display = ("name", "display_name", "department", "role_names", "is_active")
    list_filter = ("is_active", "roles", "department")
    search_fields = ("name", "display_name", "email", "bindings__external_id")
    fields = (
        *("name", "display_name", "email", "language", "department"),
        *("role_set", "is_active"),
    )
    inlines = (_Bindings, _Tokens)
    actions = ("make_link", "disable")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Person]:
        """With what the list shows."""
        rows: QuerySet[Person] = super().get_queryset(request)
        return rows.select_related("department").prefetch_related("roles")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A name stays: schedules, audit and habits refer to it."""
        return ("name",) if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Without the right to change, roles are shown as text."""
        if self.has_change_permission(request, obj):
            return self.fields
        return (*self.fields[:-2], "role_names", "is_active")

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[type[InlineModelAdmin[Any, Any]]]:
        """Nothing belongs to somebody who is just being added."""
        return list(self.inlines) if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What a person did stays theirs."""
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Nobody who may look finds out a password's hash by filtering, letter by letter."""
        return not lookup.startswith("password") and super().lookup_allowed(lookup, value, request)

    @admin.display(description="角色 roles")
    def role_names(self, person: Person) -> str:
        """The roles in one line."""
        return ", ".join(role.name for role in person.roles.all())

    @admin.action(description="生成一次性登录链接 Make a sign-in link", permissions=["change"])
    def make_link(self, request: HttpRequest, queryset: QuerySet[Person]) -> None:
        """Show a link for each; nobody can see it again."""
        for person in queryset:
            url = settings.CLAWDBOT_PUBLIC_URL + identity.sign_in_link(person, actor_of(request))
            messages.success(request, f"{person}: {url}")

    @admin.action(description="停用离职人员 Switch off leavers", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Person]) -> None:
        """Everything of theirs stops at once."""
        for person in queryset:
            people.disable_person(person, actor_of(request))


@admin.register(Role)
class RoleAdmin(ActionAdmin):
    """A role with all its grants on one page."""

    form = RoleForm
    list_display = ("name", "label_zh", "label_en", "people_count", "shipped")
    search_fields = ("name", "grants__permission")
    fields = ("name", "label_zh", "label_en", "allow", "deny")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A name stays: commands refer to it."""
        return ("name",) if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Without the right to change, grants are shown as text."""
        if self.has_change_permission(request, obj):
            return self.fields
        return (*self.fields[:-2], "allowed", "denied")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What ClawdBot brought along stays."""
        return super().has_delete_permission(request, obj) and not (obj and obj.shipped)

    def remove(self, found: Role, actor: Actor) -> None:
        """Take the role from everybody."""
        grants.delete_role(found, actor)

    @admin.display(description="人数 people")
    def people_count(self, role: Role) -> int:
        """How many have it."""
        return role.people.count()

    @admin.display(description="允许 allow")
    def allowed(self, role: Role) -> str:
        """What it allows."""
        return _permissions(role, "allow")

    @admin.display(description="禁止 deny")
    def denied(self, role: Role) -> str:
        """What it denies."""
        return _permissions(role, "deny")


def _permissions(role: Role, effect: str) -> str:
    rows = role.grants.filter(effect=effect).order_by("permission")
    return ", ".join(rows.values_list("permission", flat=True)) or "-"


@admin.register(Grant)
class GrantAdmin(ActionAdmin):
    """All grants of all roles, to search."""

    form = GrantForm
    list_display = ("permission", "effect", "role")
    list_filter = ("effect", "role")
    list_select_related = ("role",)
    search_fields = ("permission",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A grant is given or taken back."""
        return False

    def remove(self, found: Grant, actor: Actor) -> None:
        """Take it back."""
        grants.revoke(found.role, found.permission, actor, effect=found.effect)


@admin.register(Binding)
class BindingAdmin(ActionAdmin):
    """Which IM identity is whose."""

    form = BindingForm
    list_display = ("external_id", "bot", "person", "created_at")
    list_filter = ("bot",)
    list_select_related = ("bot", "person")
    search_fields = ("external_id", "person__name", "person__display_name")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An identity is bound or set free, never moved."""
        return False

    def remove(self, found: Binding, actor: Actor) -> None:
        """Set it free."""
        identity.unbind(found, actor)


@admin.register(ApiToken)
class ApiTokenAdmin(ActionAdmin):
    """Tokens of the API."""

    form = TokenForm
    list_display = ("name", "person", "last4", "created_at", "expires_at", "used_at")
    list_select_related = ("person",)
    search_fields = ("name", "person__name")
    fields = ("person", "name", "last4", "created_at", "expires_at", "used_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What can be chosen for a new one; everything but the hash of an old one."""
        return self.fields if obj else ("person", "name", "expires_at")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A token is made and revoked."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Make it, and show its text this once."""
        super().save_model(request, obj, form, change)
        text = both("令牌只显示这一次:{secret}", "The token is shown this once: {secret}")
        messages.success(request, text.format(secret=form.secret).in_(get_language() or ""))

    def remove(self, found: ApiToken, actor: Actor) -> None:
        """Revoke it."""
        tokens.revoke(found, actor)


@admin.register(PairingCode)
class PairingCodeAdmin(ReadingAdmin):
    """Who asked to be let in; the code itself is known to the asker alone."""

    list_display = ("sender_name", "external_id", "bot", "created_at", "expires_at", "used_at")
    list_select_related = ("bot",)
    exclude = ("code_hash",)


@admin.register(SignInLink)
class SignInLinkAdmin(ReadingAdmin):
    """Which one-time links there are; the links themselves are not kept."""

    list_display = ("person", "expires_at", "used_at")
    list_select_related = ("person",)
    exclude = ("token_hash",)


@admin.register(Department)
class DepartmentAdmin(AnyAdmin):
    """The parts of the company."""

    list_display = ("name", "parent")
    list_select_related = ("parent",)
    search_fields = ("name",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save with a line in the audit."""
        super().save_model(request, obj, form, change)
        _record("department.changed" if change else "department.added", obj, request)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete with a line in the audit."""
        _record("department.deleted", obj, request)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Department]) -> None:
        """Delete the chosen ones with a line each."""
        for found in queryset:
            self.delete_model(request, found)


def _record(action: str, found: Department, request: HttpRequest) -> None:
    who = found.parent.name if found.parent else ""
    log.record(
        action,
        actor=actor_of(request),
        obj=("department", found.pk, found.name),
        outcome="ok",
        data={"parent": who},
    )
