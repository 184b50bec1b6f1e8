"""The console's pages of collections and documents; what they change goes through the actions.

A name of a document may tell as much as the document: those of a collection are listed for whoever
may read it, may add to it, or manages all of them.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import get_language

from apps.accounts import guard
from apps.accounts.admin_base import ActionAdmin, ActionForm, AnyForm, actor_of, sentence
from apps.audit.actor import Actor
from apps.core.errors import ClawdbotError
from apps.core.i18n import Text, both
from apps.knowledge import actions, collections, reading
from apps.knowledge.models import Collection, Document

_NAME_HELP = both(
    "权限名的一部分：knowledge.read.名称 可检索，knowledge.write.名称 可入库。",
    "Part of the permissions: knowledge.read.NAME to find, knowledge.write.NAME to add.",
)
_FILE_HELP = both(
    "txt、md、pdf、docx、xlsx，最多 20 MB。同名文件会被新版本替换。",
    "txt, md, pdf, docx or xlsx, at most 20 MB. A new version replaces the one of that name.",
)
_FILE = both("文件", "File")
_DONE = both("{count} 份文档将重新处理。", "{count} documents will be read again.")
_BLANK = both("第 {pages} 页没有文字。", "Pages {pages} hold no text.")


def _said(text: Text) -> str:
    return text.in_(get_language() or "")


def visible(request: HttpRequest) -> list[Collection]:
    """The collections whose documents the signed-in person may see listed."""
    rights = guard.rights_of_actor(actor_of(request))
    every = Collection.objects.order_by("name")
    if rights.allows(collections.MANAGE):
        return list(every)
    return [c for c in every if any(map(rights.allows, (c.read_permission, c.write_permission)))]


class CollectionForm(ActionForm):
    """Its name, and how it is shown."""

    class Meta:
        model = Collection
        fields = ("name", "title")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "name" in self.fields:
            self.fields["name"].help_text = _said(_NAME_HELP)

    def act(self) -> Collection:
        """Make it, or change its title; a name stays, as permissions name it."""
        if self.instance.pk:
            return collections.retitle(self.instance, self.cleaned_data["title"], self.actor)
        name, title = self.cleaned_data["name"], self.cleaned_data["title"]
        return collections.make(name, self.actor, title)


@admin.register(Collection)
class CollectionAdmin(ActionAdmin):
    """The collections."""

    form = CollectionForm
    list_display = ("name", "title", "owner", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        """Those whose documents the reader may see."""
        return super().get_queryset(request).filter(pk__in=[one.pk for one in visible(request)])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Permissions name it: it keeps its name."""
        return ("name",) if obj else ()

    def remove(self, found: Collection, actor: Actor) -> None:
        """With all that is in it."""
        actions.remove_collection(found, actor)


class UploadForm(ActionForm):
    """A file for a collection. It is only looked at here; a worker reads it."""

    file = forms.FileField()

    class Meta:
        model = Document
        fields = ("collection",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "file" in self.fields:
            self.fields["file"].label = _said(_FILE)
            self.fields["file"].help_text = _said(_FILE_HELP)

    def clean(self) -> dict[str, Any] | None:
        """What would be refused is the form's error; nothing is kept yet."""
        cleaned: dict[str, Any] | None = AnyForm.clean(self)
        if self.errors or cleaned is None:
            return cleaned
        upload = cleaned["file"]
        try:
            data = upload.read(reading.MAX_SIZE + 1)
            actions.check(cleaned["collection"].name, upload.name, data, self.actor)
        except ClawdbotError as error:
            self.add_error(None, sentence(error))
        cleaned["data"] = data
        return cleaned

    def act(self) -> Document:
        """Take it in."""
        given = self.cleaned_data
        name, data = given["file"].name, given["data"]
        return actions.add(given["collection"].name, name, data, self.actor).document


@admin.register(Document)
class DocumentAdmin(ActionAdmin):
    """The documents: upload, read again, remove."""

    form = UploadForm
    list_display = ("name", "collection", "shown_state", "kind", "size", "passages", "created_at")
    list_filter = ("state", "kind")
    search_fields = ("name",)
    fields = ("collection", "file")
    actions = ("read_again",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        """Those of the collections that the reader may see."""
        rows = super().get_queryset(request).exclude(state="gone").select_related("collection")
        return rows.filter(collection__in=visible(request))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A document that is there is only shown."""
        shown = ("name", "collection", "shown_state", "note", "kind", "size", "pages", "passages")
        return (*shown, "sha256", "added_by", "created_at", "indexed_at") if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """All of it."""
        return tuple(self.get_fields(request, obj)) if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the collections that the person may add to."""
        if db_field.name == "collection":
            able = [one.pk for one in collections.manageable(actor_of(request))]
            kwargs["queryset"] = Collection.objects.filter(pk__in=able)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """An upload; what is there is never typed over."""
        if not change:
            super().save_model(request, obj, form, change)

    def remove(self, found: Document, actor: Actor) -> None:
        """With its passages, its place in the index and its bytes."""
        actions.remove(found, actor)

    @admin.action(description="重新处理 Read again", permissions=["change"])
    def read_again(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        """Have them read once more; until then they are found as they were."""
        with transaction.atomic():
            for document in queryset:
                actions.reindex(document, actor_of(request))
        messages.success(request, _said(_DONE.format(count=queryset.count())))

    @admin.display(description="状态 state", ordering="state")
    def shown_state(self, document: Document) -> str:
        """Where it is, and why it failed."""
        state = dict(Document.STATES)[document.state]
        why = document.reason(get_language() or "")
        return f"{state}: {why}" if document.state == "failed" and why else state

    @admin.display(description="说明 note")
    def note(self, document: Document) -> str:
        """What is to be known about it."""
        pages = ", ".join(map(str, document.blank[:50]))
        blank = _said(_BLANK).format(pages=pages) if pages else ""
        return " ".join(one for one in (document.reason(get_language() or ""), blank) if one) or "-"

    @admin.display(description="段数 passages")
    def passages(self, document: Document) -> int:
        """How many there are."""
        return document.chunks.count()
