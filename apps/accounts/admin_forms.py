"""The forms of people, roles, bindings and tokens: each names the actions that save it."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.accounts import grants, identity, people, tokens
from apps.accounts.admin_base import ActionForm
from apps.accounts.models import ApiToken, Binding, Grant, Person, Role


class PersonForm(ActionForm):
    """A person with roles."""

    role_set = forms.ModelMultipleChoiceField(
        label="角色 roles",
        queryset=Role.objects.order_by("pk"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Person
        fields = ("name", "display_name", "email", "language", "department", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "role_set" in self.fields:
            self.initial["role_set"] = self.instance.roles.all()

    def act(self) -> Person:
        """Add or change the person, then roles, then activity."""
        data = self.cleaned_data
        fields = {name: data[name] for name in people.FIELDS if name in data}
        if self.instance.pk:
            # The form's own object carries what was typed; the action compares with what is stored.
            person = Person.objects.get(pk=self.instance.pk)
            people.change(person, self.actor, **fields)
        else:
            person = people.add_person(data["name"], self.actor, **fields)
        self._roles(person, set(data["role_set"]))
        if data["is_active"] != person.is_active:
            switch = people.enable_person if data["is_active"] else people.disable_person
            switch(person, self.actor)
        return person

    def _roles(self, person: Person, wanted: set[Role]) -> None:
        present = set(person.roles.all())
        for role in sorted(wanted - present, key=str):
            people.add_role(person, role, self.actor)
        for role in sorted(present - wanted, key=str):
            people.remove_role(person, role, self.actor)


class RoleForm(ActionForm):
    """A role with what it allows and denies, one permission on each line."""

    allow = forms.CharField(
        label="允许 allow",
        required=False,
        widget=forms.Textarea(attrs={"rows": 12, "cols": 60}),
        help_text="每行一个权限，如 skill.host 或 skill.* One permission on each line.",
    )
    deny = forms.CharField(
        label="禁止 deny",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 60}),
        help_text="禁止优先于任何角色的允许。 A denial beats whatever any role allows.",
    )

    class Meta:
        model = Role
        fields = ("name", "label_zh", "label_en")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for effect in ("allow", "deny"):
                self.initial[effect] = "\n".join(self._present(self.instance, effect))

    def act(self) -> Role:
        """Add or relabel the role, then grants: denials first, so that nothing flashes up."""
        data = self.cleaned_data
        if self.instance.pk:
            role = Role.objects.get(pk=self.instance.pk)
            grants.relabel(role, data["label_zh"], data["label_en"], self.actor)
        else:
            labels = {name: data[name] for name in ("label_zh", "label_en")}
            role = grants.add_role_named(data["name"], self.actor, **labels)
        for effect, give in (("deny", grants.deny), ("allow", grants.allow)):
            wanted, present = set(data[effect].split()), set(self._present(role, effect))
            for permission in sorted(wanted - present):
                give(role, permission, self.actor)
            for permission in sorted(present - wanted):
                grants.revoke(role, permission, self.actor, effect=effect)
        return role

    def _present(self, role: Role, effect: str) -> list[str]:
        rows = role.grants.filter(effect=effect).order_by("permission")
        return list(rows.values_list("permission", flat=True))


class GrantForm(ActionForm):
    """One grant."""

    class Meta:
        model = Grant
        fields = ("role", "effect", "permission")

    def act(self) -> Grant:
        """Allow or deny."""
        data = self.cleaned_data
        give = grants.deny if data["effect"] == "deny" else grants.allow
        return give(data["role"], data["permission"], self.actor)


class BindingForm(ActionForm):
    """One IM identity of a person."""

    class Meta:
        model = Binding
        fields = ("person", "bot", "external_id")

    def act(self) -> Binding:
        """Bind."""
        data = self.cleaned_data
        return identity.bind(data["person"], data["bot"], data["external_id"], self.actor)


class TokenForm(ActionForm):
    """A token; its text exists only in the answer to this form."""

    secret = ""

    class Meta:
        model = ApiToken
        fields = ("person", "name", "expires_at")

    def act(self) -> ApiToken:
        """Make the token."""
        data = self.cleaned_data
        row, self.secret = tokens.create(
            data["person"], data["name"], self.actor, data["expires_at"]
        )
        return row
