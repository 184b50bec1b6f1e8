"""By chat: a file is sent and taken in, a question is asked, from the message to the answer."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from apps.accounts.models import Grant, Person, Role
from apps.assistant import documents, runner, sweeper
from apps.assistant.models import Job, Message
from apps.im.models import Delivery
from apps.im.sender import sender
from apps.knowledge import actions, collections, indexing
from apps.knowledge.models import Document
from apps.skills.base import CannotDo, Stopped
from apps.skills.testing import FakeFiles, ask, context, sent
from tests.assistant.conftest import Chat, bot, bound, chat  # noqa: F401 - fixtures
from tests.knowledge import make
from tests.knowledge.conftest import SYSTEM, Put


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "submit", lambda deliveries: None)


@pytest.fixture
def member(roles: dict[str, Role]) -> Role:
    """Members may add to and read `company`."""
    names = ("skill.learn", "skill.docs", "knowledge.write.company", "knowledge.read.company")
    for name in names:
        Grant.objects.create(role=roles["member"], permission=name)
    collections.make("company", SYSTEM)
    return roles["member"]


def attached(name: str, data: bytes) -> dict[str, Any]:
    attachment = {"type": "file", "name": name, "data": base64.b64encode(data).decode()}
    return {"payload": {"attachments": [attachment], "extra": {}}}


def answer_of(message: Message) -> str:
    job = Job.objects.get(message=message)
    runner.run(job.pk)
    row = Delivery.objects.get(message=message, role="answer")
    return str(row.card) + row.text


# Committed: the watch beside a job looks from a thread of its own once a job takes a second.
@pytest.mark.django_db(transaction=True)
def test_a_file_is_learned_and_found(chat: Chat, member: Role) -> None:  # noqa: F811
    data = make.docx("# 休假\n年休假为十天。")
    said = answer_of(chat.say("bob", "/入库", **attached("手册.docx", data)))
    assert "手册.docx" in said
    assert "company" in said
    found = answer_of(chat.say("bob", "/查资料 年休假几天"))
    assert "年休假为十天" in found
    assert "手册.docx，“休假”" in found
    assert "内容没有变化" in answer_of(chat.say("bob", "/learn", **attached("手册.docx", data)))


def test_who_may_not_is_told_so(chat: Chat, member: Role) -> None:  # noqa: F811
    Grant.objects.filter(permission="knowledge.write.company").delete()
    said = answer_of(chat.say("bob", "/learn company", **attached("a.txt", b"x")))
    assert "没有你可以使用的资料库" in said
    assert Document.objects.count() == 0


def asker(person: Person, name: str, data: bytes, **more: Any) -> Any:
    allowed = ("skill.*", "knowledge.*")
    files = FakeFiles([(name, data)])
    return context(person=person, allowed=allowed, files=files, language="en", **more)


def test_what_cannot_be_read_is_said(member: Role, bob: Person) -> None:
    with pytest.raises(CannotDo, match=r"scan\.pdf was not taken in: there is no text in it"):
        ask("learn", asker(bob, "scan.pdf", make.pdf(["", ""])), file=sent())
    half = make.pdf(["第一页有字", "", "第三页有字"])
    said = ask("learn", asker(bob, "half.pdf", half), file=sent())
    assert "Pages 2 hold no text" in said


def test_a_cancelled_job_leaves_nothing(member: Role, bob: Person) -> None:
    with pytest.raises(Stopped):
        ask("learn", asker(bob, "a.txt", "年假".encode(), stop=lambda: True), file=sent())
    assert Document.objects.count() == 0


def test_the_sweeper_hands_out_what_nobody_reads(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[int] = []
    monkeypatch.setattr(documents, "_call", called.append)
    collections.make("a", SYSTEM)
    row = actions.add("a", "a.txt", "年假".encode(), SYSTEM).document
    own = actions.add("a", "b.txt", "病假".encode(), SYSTEM, wait=actions.OWN).document
    sweeper.PARTS["documents"]()
    sweeper.PARTS["documents"]()
    assert called == [row.pk]  # once, and not what its adder reads
    from apps.assistant import tasks

    tasks.index(row.pk)
    tasks.index(row.pk)
    ready = Document.objects.get(pk=row.pk)
    assert (ready.state, ready.chunks.count()) == ("ready", 1)
    assert indexing.run(own.pk) is not None
