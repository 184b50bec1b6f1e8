"""An attacker's view: nothing of what somebody may not read shows, not even that it is there."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts import authz
from apps.accounts.models import Grant, Person, Role
from apps.knowledge import index, ranking, words
from apps.knowledge.models import Chunk, Collection
from apps.knowledge.search import search
from apps.skills.testing import FakeRights, ask, context
from tests.knowledge.conftest import Put

SECRET = "总经理的年薪是九百万元，股权激励计划代号 ORCHID-77。"
OPEN = "年薪制员工的考勤按月结算。"


@pytest.fixture
def shelves(put: Put) -> None:
    """A secret document beside an open one."""
    put("hr", "高管薪酬-机密.txt", SECRET)
    put("open", "考勤.txt", OPEN)


def test_the_secret_is_there_for_who_may_read_it(shelves: None) -> None:
    hits = search("ORCHID-77", FakeRights(("knowledge.read.hr",)))
    assert [hit.text for hit in hits] == [SECRET]


ALLOWED = (
    (), ("skill.*",), ("knowledge.read.open",), ("knowledge.write.hr",), ("knowledge.read.hr2",),
    ("console.view",),
)  # fmt: skip
QUESTIONS = (
    "ORCHID-77", "总经理的年薪", "高管薪酬-机密", "hr", "薪", SECRET, "*", '" OR 1=1', "'", "%",
)  # fmt: skip


def test_no_question_finds_it(shelves: None) -> None:
    for question in QUESTIONS:
        for allowed in ALLOWED:
            hits = search(question, FakeRights(allowed))
            assert all((hit.document, hit.collection) == ("考勤.txt", "open") for hit in hits)
            asker = context(language="en", allowed=(*allowed, "skill.docs"))
            said = ask("docs", asker, question=question)
            for word in ("ORCHID", "总经理", "高管", "机密", "hr", "九百"):
                assert word not in said.replace(question, "")


def test_deny_beats_allow(shelves: None) -> None:
    rights = FakeRights(("knowledge.*",), ("knowledge.read.hr",))
    assert search("总经理 ORCHID-77", rights) == []


def test_the_answer_is_the_same_whether_the_secret_exists_or_not(shelves: None) -> None:
    rights = FakeRights(("knowledge.read.open",))
    there = [(hit.document, hit.text, hit.score) for hit in search("年薪 ORCHID-77", rights)]
    nothing = ask("docs", context(allowed=("knowledge.read.open",)), question="ORCHID-77")
    Collection.objects.get(name="hr").delete()
    gone = [(hit.document, hit.text, hit.score) for hit in search("年薪 ORCHID-77", rights)]
    assert there == gone
    assert nothing == ask("docs", context(allowed=("knowledge.read.open",)), question="ORCHID-77")


def test_no_score_counts_what_is_hidden(put: Put) -> None:
    place = put("open", "a.txt", "报销流程说明").collection
    put("open", "b.txt", "年假流程说明")
    question = words.of_question("报销流程")
    before = ranking.by_words(question, [place.pk], 2)
    for n in range(5):
        put("hr", f"{n}.txt", f"报销流程 {n}")
    assert ranking.by_words(question, [place.pk], 2) == before
    assert len(index.having("报销", [place.pk])) == 1


def test_what_is_not_ready_is_not_found(put: Put) -> None:
    document = put("open", "a.txt", "报销流程说明")
    type(document).objects.filter(pk=document.pk).update(state="waiting")
    assert index.having("报销", [document.collection_id]) == []
    assert search("报销流程", FakeRights(("knowledge.*",))) == []
    assert Chunk.objects.exists()


def test_a_right_that_is_taken_counts_at_once(
    shelves: None, bob: Person, roles: dict[str, Role]
) -> None:
    grant = Grant.objects.create(role=roles["member"], permission="knowledge.read.hr")
    assert search("ORCHID-77", authz.rights([bob])[bob.pk])
    grant.delete()
    assert search("ORCHID-77", authz.rights([bob])[bob.pk]) == []


def test_the_console_lists_no_name_that_is_not_for_the_reader(
    shelves: None, bob: Person, alice: Person, roles: dict[str, Role]
) -> None:
    bob.roles.add(roles["auditor"])  # may open the console
    Grant.objects.create(role=roles["member"], permission="knowledge.read.open")
    page = Client()
    page.force_login(bob)
    for path in ("document/", "collection/", "document/?q=机密"):
        shown = page.get(f"/admin/knowledge/{path}").content.decode()
        assert "高管薪酬" not in shown
        assert ">hr<" not in shown
    assert "考勤.txt" in page.get("/admin/knowledge/document/").content.decode()
    secret = Collection.objects.get(name="hr").documents.get()
    assert page.get(f"/admin/knowledge/document/{secret.pk}/change/").status_code == 302
    page.force_login(alice)
    assert "高管薪酬" in page.get("/admin/knowledge/document/").content.decode()
