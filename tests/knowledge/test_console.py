"""The console's pages and the command line: the same actions, the same audit."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from apps.accounts.models import Grant, Person, Role
from apps.audit.models import AuditRow
from apps.knowledge import index, indexing
from apps.knowledge.models import Chunk, Collection, Document
from tests.knowledge import make
from tests.knowledge.conftest import Put

PAGE = "/admin/knowledge/"


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def upload(page: Client, collection: Collection, name: str, data: bytes) -> Any:
    file = SimpleUploadedFile(name, data)
    return page.post(f"{PAGE}document/add/", {"collection": collection.pk, "file": file})


def test_a_document_by_the_console(alice: Person) -> None:
    page = signed_in(alice)
    added = page.post(f"{PAGE}collection/add/", {"name": "Handbook", "title": "手册"})
    assert added.status_code == 302
    place = Collection.objects.get(name="handbook")
    assert place.owner == alice
    assert upload(page, place, "手册.docx", make.docx("# 休假\n年休假为十天。")).status_code == 302
    row = Document.objects.get()
    assert (row.state, row.added_by, row.chunks.count()) == ("waiting", alice, 0)
    assert "待处理" in page.get(f"{PAGE}document/").content.decode()
    assert indexing.run(row.pk) is not None
    shown = page.get(f"{PAGE}document/{row.pk}/change/").content.decode()
    assert "可检索" in shown
    page.post(f"{PAGE}document/", {"action": "read_again", "_selected_action": [row.pk]})
    again = Document.objects.get(state="waiting")
    assert indexing.run(again.pk) is not None
    assert Document.objects.count() == 1
    page.post(f"{PAGE}document/{again.pk}/delete/", {"post": "yes"})
    assert not Document.objects.exists()
    page.post(f"{PAGE}collection/{place.pk}/change/", {"title": "新名"})
    place.refresh_from_db()
    assert (place.name, place.title) == ("handbook", "新名")
    page.post(f"{PAGE}collection/{place.pk}/delete/", {"post": "yes"})
    assert not Collection.objects.exists()
    made = set(AuditRow.objects.filter(actor=f"person:{alice.pk}").values_list("action", flat=True))
    assert made == {
        "collection.added", "document.added", "document.reindexed", "document.removed",
        "collection.retitled", "collection.removed",
    }  # fmt: skip


def test_what_is_refused_is_said_beside_the_form(put: Put, alice: Person) -> None:
    place = put("a", "a.txt", "年假").collection
    page = signed_in(alice)
    said = upload(page, place, "x.png", b"\x89PNG\r\n\x1a\n" + bytes(40)).content.decode()
    assert "只认识 txt" in said
    failed = upload(page, place, "broken.pdf", b"%PDF-1.7 nothing")
    assert failed.status_code == 302  # it is a worker that reads it
    row = Document.objects.get(name="broken.pdf")
    indexing.run(row.pk)
    assert "文件已损坏" in page.get(f"{PAGE}document/").content.decode()
    wrong = page.post(f"{PAGE}collection/add/", {"name": "a.b", "title": ""})
    assert "不能作资料库的名称" in wrong.content.decode()


def test_who_only_looks_changes_nothing(put: Put, bob: Person, roles: dict[str, Role]) -> None:
    document = put("a", "a.txt", "年假")
    assert signed_in(bob).get(f"{PAGE}document/").status_code == 403
    bob.roles.add(roles["auditor"])
    Grant.objects.create(role=roles["member"], permission="knowledge.read.a")
    page = signed_in(bob)
    assert page.get(f"{PAGE}document/").status_code == 200
    assert page.get(f"{PAGE}document/add/").status_code == 403
    assert page.post(f"{PAGE}document/{document.pk}/delete/", {"post": "yes"}).status_code == 403
    assert upload(page, document.collection, "b.txt", b"x").status_code == 403
    assert Document.objects.get() == document


def run(*words: str) -> Any:
    out = io.StringIO()
    call_command("knowledge", *words, stdout=out)
    return json.loads(out.getvalue()) if "--json" in words else out.getvalue()


def test_the_commands(roles: dict[str, Role], bob: Person, tmp_path: Path) -> None:
    file, other = tmp_path / "手册.docx", tmp_path / "x.bin"
    file.write_bytes(make.docx("# 休假\n年休假为十天。"))
    other.write_bytes(b"\x7fELF" + bytes(80))
    added = run("add", str(file), "--collection", "company", "--role", "member", "--json")
    assert [(one["name"], one["state"], one["passages"]) for one in added] == [
        ("手册.docx", "ready", 1)
    ]
    assert Grant.objects.filter(permission="knowledge.read.company").exists()
    with pytest.raises(CommandError) as failed:
        run("add", str(other), str(file))
    assert failed.value.returncode == 1
    assert [one["collection"] for one in run("list", "--json")] == ["company", "general"]
    (hit,) = run("search", "年休假几天", "--as", "bob", "--json")
    assert (hit["document"], hit["where"], hit["place"]["heading"]) == (
        "手册.docx", "“休假”", "休假",
    )  # fmt: skip
    assert "没有找到" in run("search", "蒙古首都", "--as", "bob")
    assert run("rebuild", "--json") == {"passages": 2}
    assert "已移除" in run("remove", "手册.docx", "--collection", "company")
    assert run("search", "年休假几天", "--as", "bob", "--json") == []
    for words in (("remove", "手册.docx", "--collection", "company"), ("add", "/nothing/there")):
        with pytest.raises(CommandError) as refused:
            run(*words)
        assert refused.value.returncode == 2
    with pytest.raises(CommandError) as unknown:
        run("search", "x", "--as", "nobody")
    assert unknown.value.returncode == 2


@pytest.mark.django_db(transaction=True)
def test_the_index_is_made_anew_when_it_is_lost(put: Put) -> None:
    place = put("a", "a.txt", "年休假为十天").collection_id
    index.remove(connection)
    index.install(connection)
    index.install(connection)
    index.rebuild()
    assert len(index.having("年休", [place])) == 1
    chunk = Chunk.objects.get()
    Chunk.objects.update(words="别的")
    assert index.having("年休", [place]) == []
    assert index.having("别*", [place]) == [chunk.pk]
    Chunk.objects.all().delete()
    assert index.having("别的", [place]) == []
