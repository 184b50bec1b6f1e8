"""Documents come, are replaced and go: each exactly once, audited, and only by who may."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from apps.accounts import authz
from apps.accounts.errors import Forbidden
from apps.accounts.models import Grant, Person, Role
from apps.audit.actor import Actor
from apps.audit.models import AuditRow
from apps.core import work
from apps.core.clock import utcnow
from apps.knowledge import actions, collections, indexing, purging, reading, store
from apps.knowledge.errors import BadCollection, CannotRead, UnknownCollection, WhichCollection
from apps.knowledge.models import Chunk, Collection, Document
from apps.knowledge.search import search
from tests.knowledge.conftest import SYSTEM, Put

pytestmark = pytest.mark.django_db


class Everything:
    """Rights of somebody who may all."""

    def allows(self, permission: str) -> bool:
        return True


def found(question: str) -> list[tuple[str, str]]:
    return [(hit.document, hit.text) for hit in search(question, Everything())]


def indexed() -> int:
    """How many passages the index itself holds."""
    with connection.cursor() as cursor:
        # FTS5 keeps one row for each row that it has indexed; PostgreSQL's index is a column.
        sqlite = "SELECT count(*) FROM knowledge_index_docsize"
        other = "SELECT count(*) FROM knowledge_chunk WHERE search IS NOT NULL"
        cursor.execute(sqlite if connection.vendor == "sqlite" else other)
        return int(cursor.fetchone()[0])


def done(action: str) -> list[str]:
    rows = AuditRow.objects.filter(action=action).order_by("pk")
    return [str(row.object_label) for row in rows]


def test_the_same_bytes_again_are_one_document(put: Put) -> None:
    first = put("a", "plan.txt", "预算八百万")
    again = actions.add("a", "plan.txt", "预算八百万".encode(), SYSTEM)
    other_name = actions.add("a", "copy.txt", "预算八百万".encode(), SYSTEM)
    assert not again.fresh
    assert not other_name.fresh
    assert again.document == other_name.document == first
    assert Document.objects.count() == 1
    assert len([p for p in store.folder().glob("*/*") if p.name == str(first.uid)]) == 1
    assert done("document.added") == ["plan.txt"]
    assert put("b", "plan.txt", "预算八百万") != first  # another collection is another place


def test_a_new_version_replaces_the_old_one(put: Put) -> None:
    old = put("a", "plan.txt", "旧版本：预算八百万")
    new = put("a", "plan.txt", "新版本：预算九百万")
    assert found("预算") == [("plan.txt", "新版本：预算九百万")]
    assert not Document.objects.filter(pk=old.pk).exists()
    assert not store.path_of(old).exists()
    assert store.load(new).decode() == "新版本：预算九百万"
    assert indexed() == Chunk.objects.count() == 1
    assert done("document.indexed") == ["plan.txt", "plan.txt"]


def test_a_version_that_cannot_be_read_leaves_the_old_one(put: Put) -> None:
    put("a", "plan.pdf", "旧版本：预算八百万")  # a text, whatever its name says
    broken = put("a", "plan.pdf", b"%PDF-1.7\nnothing")
    assert broken.state == "failed"
    assert "损坏" in broken.reason("zh-hans")
    assert "broken" in broken.reason("en")
    assert found("预算") == [("plan.pdf", "旧版本：预算八百万")]
    assert done("document.failed") == ["plan.pdf"]
    put("a", "plan.pdf", "新版本：预算九百万")
    assert [row.state for row in Document.objects.all()] == ["ready"]


def test_an_older_version_that_comes_late_is_not_shown(put: Put) -> None:
    collections.make("a", SYSTEM)
    old = actions.add("a", "plan.txt", "旧预算".encode(), SYSTEM).document
    (claimed,) = work.claim(Document.objects.filter(pk=old.pk, state="waiting"), 1)
    new = put("a", "plan.txt", "新预算")
    assert not work.finish(claimed, "ready")  # it is no longer its worker's
    assert indexing.run(old.pk) is None
    assert found("预算") == [("plan.txt", "新预算")]
    assert list(Document.objects.all()) == [new]


def test_nothing_is_left_of_what_is_removed(put: Put) -> None:
    document = put("a", "plan.txt", "预算八百万")
    actions.remove(document, SYSTEM)
    assert found("预算") == []
    assert indexed() == Chunk.objects.count() == Document.objects.count() == 0
    assert not store.path_of(document).exists()
    assert done("document.removed") == ["plan.txt"]


def test_what_a_dying_process_left_is_cleared_away(put: Put) -> None:
    document = put("a", "plan.txt", "预算八百万")
    Document.objects.filter(pk=document.pk).update(state="gone")
    assert found("预算") == []
    indexing.sweep()
    assert indexed() == Document.objects.count() == 0
    stray = store.folder() / "ab" / "abcd"
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"x")
    store.remove_strays(utcnow())
    assert stray.exists()  # it may be on its way
    kept = put("a", "kept.txt", "年假")
    assert store.remove_strays(utcnow() + timedelta(days=2)) >= 1
    assert store.path_of(kept).exists()
    assert not stray.exists()


def test_a_collection_goes_with_all_that_is_in_it(put: Put) -> None:
    put("a", "plan.txt", "预算八百万")
    kept = put("b", "plan.txt", "预算九百万")
    actions.remove_collection(Collection.objects.get(name="a"), SYSTEM)
    assert list(Document.objects.all()) == [kept]
    assert found("预算") == [("plan.txt", "预算九百万")]


def test_reading_again_replaces_it_in_one_moment(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    document = put("a", "plan.txt", "预算八百万")
    again = actions.reindex(document, SYSTEM)
    assert found("预算")  # until it is read
    assert indexing.run(again.pk) is not None
    assert [row.pk for row in Document.objects.all()] == [again.pk]
    assert found("预算") == [("plan.txt", "预算八百万")]
    store.path_of(again).unlink()
    with pytest.raises(CannotRead):
        actions.reindex(again, SYSTEM)


def test_a_worker_that_dies_is_followed_by_another(put: Put) -> None:
    collections.make("a", SYSTEM)
    row = actions.add("a", "plan.txt", "预算八百万".encode(), SYSTEM).document
    assert indexing.due(utcnow()) == [row.pk]
    assert indexing.due(utcnow()) == []  # it was named; again in a minute
    (claimed,) = work.claim(Document.objects.filter(pk=row.pk), 1)
    Chunk.objects.create(document=claimed, number=0, text="half", words="half")
    assert indexing.run(row.pk) is None  # somebody has it
    Document.objects.filter(pk=row.pk).update(lease_until=utcnow() - timedelta(minutes=1))
    indexing.sweep()
    assert indexing.due(utcnow() + timedelta(minutes=2)) == [row.pk]
    ready = indexing.run(row.pk)
    assert ready is not None
    assert ready.state == "ready"
    assert [one.text for one in ready.chunks.all()] == ["预算八百万"]
    assert not work.finish(claimed, "failed")  # the first one comes back too late


def test_what_breaks_is_tried_again_and_then_said(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*args: object) -> None:
        raise RuntimeError("out of luck")

    collections.make("a", SYSTEM)
    row = actions.add("a", "plan.txt", "预算".encode(), SYSTEM).document
    monkeypatch.setattr(reading, "read", breaks)
    states = []
    for _ in range(3):
        run = indexing.run(row.pk)
        assert run is not None
        states.append(run.state)
    assert states == ["waiting", "waiting", "failed"]
    assert run.reason("en")
    assert "out of luck" in run.last_error
    assert done("document.failed") == ["plan.txt"]


def test_who_stops_it_takes_it_back(put: Put) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    collections.make("a", SYSTEM)
    row = actions.add("a", "plan.txt", "预算".encode(), SYSTEM).document
    with pytest.raises(KeyboardInterrupt):
        indexing.run(row.pk, stop)
    actions.withdraw(row, SYSTEM)
    assert Document.objects.count() == 0
    kept = put("a", "plan.txt", "预算")
    actions.withdraw(kept, SYSTEM)
    assert Document.objects.count() == 1


def test_only_who_may_write_adds_and_nobody_is_told_of_the_rest(
    put: Put, bob: Person, roles: dict[str, Role]
) -> None:
    secret = put("hr", "salaries.txt", "工资表")
    actor = Actor.person(bob)
    with pytest.raises(Forbidden):
        actions.add("", "x.txt", b"x", actor)
    for name in ("hr", "nothing"):
        with pytest.raises(UnknownCollection) as caught:
            actions.add(name, "x.txt", b"x", actor)
        assert caught.value.text("en") == f"There is no collection {name} that you may use."
    with pytest.raises(Forbidden):
        actions.remove(secret, actor)
    with pytest.raises(Forbidden):
        actions.reindex(secret, actor)
    with pytest.raises(Forbidden):
        actions.remove_collection(secret.collection, actor)
    with pytest.raises(Forbidden):
        collections.make("new", actor)
    assert not (Document.objects.exclude(pk=secret.pk).exists())
    Grant.objects.create(role=roles["member"], permission="knowledge.write.sales")
    collections.make("sales", SYSTEM)
    added = actions.add("", "x.txt", b"x", actor).document  # the only one that he may write
    assert added.collection.name == "sales"
    assert added.added_by == bob
    collections.make("sales2", SYSTEM)
    Grant.objects.create(role=roles["member"], permission="knowledge.write.sales2")
    with pytest.raises(WhichCollection, match="sales, sales2"):
        actions.add("", "y.txt", b"y", actor)
    actions.remove(added, actor)


def test_the_first_collection_makes_itself(bob: Person, roles: dict[str, Role]) -> None:
    Grant.objects.create(role=roles["member"], permission="knowledge.write.general")
    assert actions.add("", "x.txt", b"x", Actor.person(bob)).document.collection.name == "general"
    assert not authz.may(bob, "knowledge.read.general").allowed


def test_names_of_collections_fit_into_permissions() -> None:
    assert collections.clean(" 员工手册 ") == "员工手册"
    assert collections.clean("HandBook-2") == "handbook-2"
    for name in ("", "a.b", "a*", "a b", "x" * 51, "a,b", "a/b"):
        with pytest.raises(BadCollection):
            collections.clean(name)
    row = collections.make("员工手册", SYSTEM)
    collections.open_to(row, "member", SYSTEM) if Role.objects.filter(name="member") else None
    assert row.read_permission == "knowledge.read.员工手册"


def test_purging_twice_is_harmless(put: Put) -> None:
    assert purging.purge() == 0
