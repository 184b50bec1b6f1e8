"""People, departments, roles, grants and the IM identities that belong to a person."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone


class Department(models.Model):
    """A part of the company."""

    name = models.CharField(max_length=100, unique=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        verbose_name = "部门 department"
        verbose_name_plural = "部门 departments"

    def __str__(self) -> str:
        return self.name


class Role(models.Model):
    """A named set of grants."""

    name = models.CharField(max_length=50, unique=True)
    label_zh = models.CharField(max_length=100, blank=True)
    label_en = models.CharField(max_length=100, blank=True)
    shipped = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = "角色 role"
        verbose_name_plural = "角色 roles"

    def __str__(self) -> str:
        return self.name


class Grant(models.Model):
    """A role may (or must not) do what `permission` names; a trailing `*` is a whole area."""

    EFFECTS: ClassVar = [("allow", "允许 allow"), ("deny", "禁止 deny")]
    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="grants")
    permission = models.CharField(max_length=120)
    effect = models.CharField(max_length=5, choices=EFFECTS, default="allow")

    class Meta:
        verbose_name = "授权 grant"
        verbose_name_plural = "授权 grants"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["role", "permission", "effect"], name="one_grant")
        ]

    def __str__(self) -> str:
        return f"{self.role_id}: {self.effect} {self.permission}"


class PersonManager(BaseUserManager["Person"]):
    """Makes people; the name is what they sign in with."""

    def create_person(self, name: str, **fields: Any) -> Person:
        """Make an active person without a password (a one-time link signs in)."""
        person = self.model(name=name, **fields)
        person.set_unusable_password()
        person.save(using=self._db)
        return person

    def get_by_natural_key(self, name: str | None) -> Person:
        """Find a person by name, as Django's authentication asks for it."""
        return self.get(name=name)


class Person(AbstractBaseUser):
    """Somebody of the company. Rights come only from roles."""

    LANGUAGES: ClassVar = [("", "—"), ("zh-hans", "中文"), ("en", "English")]
    name = models.CharField(max_length=100, unique=True)
    display_name = models.CharField(max_length=100, blank=True)
    email = models.EmailField(blank=True)
    language = models.CharField(max_length=10, blank=True, default="", choices=LANGUAGES)
    department = models.ForeignKey(Department, null=True, blank=True, on_delete=models.SET_NULL)
    roles = models.ManyToManyField(Role, blank=True, related_name="people")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "name"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[PersonManager] = PersonManager()

    class Meta:
        verbose_name = "人员 person"
        verbose_name_plural = "人员 people"

    def __str__(self) -> str:
        return self.display_name or self.name

    @property
    def is_staff(self) -> bool:
        """May open the console."""
        return self.has_perm("console.view")

    @property
    def is_superuser(self) -> bool:
        """Nobody stands above the grants."""
        return False

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Does a role of this person allow it? Django's own names are mapped by the backend."""
        from apps.accounts.backends import GrantBackend

        return GrantBackend().has_perm(self, perm, obj)

    def has_perms(self, perms: list[str], obj: object = None) -> bool:
        """All of them."""
        return all(self.has_perm(perm, obj) for perm in perms)

    def has_module_perms(self, app_label: str) -> bool:
        """May see this app in the console."""
        return self.has_perm(f"{app_label}.view_any")


class Binding(models.Model):
    """An IM identity (bot, external id) that belongs to a person."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="bindings")
    bot = models.ForeignKey("im.Bot", on_delete=models.CASCADE, related_name="bindings")
    external_id = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "绑定 binding"
        verbose_name_plural = "绑定 bindings"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bot", "external_id"], name="one_binding")
        ]

    def __str__(self) -> str:
        return f"{self.bot_id}:{self.external_id}"


class PairingCode(models.Model):
    """The last code that a stranger was given, for a signed-in person or an administrator."""

    bot = models.ForeignKey("im.Bot", on_delete=models.CASCADE)
    external_id = models.CharField(max_length=200)
    sender_name = models.CharField(max_length=200, blank=True)
    code_hash = models.CharField(max_length=64, db_index=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "配对码 pairing code"
        verbose_name_plural = "配对码 pairing codes"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["bot", "external_id"], name="one_pairing_code")
        ]

    def __str__(self) -> str:
        return f"{self.bot_id}:{self.external_id}"


class SignInLink(models.Model):
    """A one-time link; only its hash is kept."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "登录链接 sign-in link"
        verbose_name_plural = "登录链接 sign-in links"

    def __str__(self) -> str:
        return f"{self.person_id} until {self.expires_at:%Y-%m-%d %H:%M}"


class ApiToken(models.Model):
    """A token of the REST API; only its hash and last four characters are kept."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    token_hash = models.CharField(max_length=64, unique=True)
    last4 = models.CharField(max_length=4)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API 令牌 token"
        verbose_name_plural = "API 令牌 tokens"

    def __str__(self) -> str:
        return f"{self.name} …{self.last4}"
