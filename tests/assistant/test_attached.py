"""Files in the pipeline: given to skills, fetched once, sent out, and nobody else's."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest

from apps.accounts.models import Grant, Person, Role
from apps.assistant import runner
from apps.assistant.models import Job, Message
from apps.audit.log import Actor
from apps.im import bots, files, marks
from apps.im.models import Delivery, StoredFile
from apps.simulate.webhook import WebhookStand
from apps.skills.base import Attachment, Context, Param, Reply, both, skill
from apps.skills.testing import declared
from tests.assistant.conftest import Chat

Answers = Callable[[Message], str]


def count(ctx: Context, file: Annotated[Attachment, Param(label=both("文件", "file"))]) -> Reply:
    """Count the letters of a file, and give it back in capitals."""
    data = file.read()
    assert ctx.attachments == () or ctx.attachments[0].name == file.name
    made = (ctx.file("upper.txt", data.upper()),)
    return Reply(f"{file.name}: {len(data)}", files=made)


@pytest.fixture(autouse=True)
def _skills(roles: dict[str, Role]) -> Iterator[None]:
    with declared():
        skill(zh="数字数", writes=False)(count)
        Grant.objects.create(role=roles["member"], permission="skill.count")
        yield


def sent(data: bytes = b"hello", name: str = "a.txt", **more: Any) -> dict[str, Any]:
    attachment = {"type": "file", "name": name, "data": base64.b64encode(data).decode()} | more
    return {"payload": {"attachments": [attachment], "extra": {}}}


def alone(data: bytes = b"hello", name: str = "a.txt", **more: Any) -> dict[str, Any]:
    return {"kind": "file", **sent(data, name, **more)}


def run(message: Message) -> Job:
    job = Job.objects.get(message=message)
    runner.run(job.pk)
    job.refresh_from_db()
    return job


def test_a_file_beside_the_command(chat: Chat, answer: Answers) -> None:
    message = chat.say("bob", "/count", **sent())
    assert run(message).state == "succeeded"
    assert answer(message) == "a.txt: 5"


def test_a_file_that_was_sent_before(chat: Chat, answer: Answers) -> None:
    chat.say("bob", "", **alone(b"older", "old.txt"))
    chat.say("bob", "", **alone(b"newest!", "new.txt"))
    message = chat.say("bob", "/count")
    run(message)
    assert answer(message) == "new.txt: 7"
    chat.later(minutes=11)
    late = chat.say("bob", "/count")
    assert Job.objects.get(message=late).asking_for == "file"


def test_what_others_sent_is_not_taken(chat: Chat) -> None:
    group = {"chat_id": "group", "chat_type": "group"}
    chat.say("carol", "", **alone(), **group)
    message = chat.say("bob", "/count", **group)
    assert Job.objects.get(message=message).asking_for == "file"


def test_it_is_asked_for_and_a_file_answers(chat: Chat, answer: Answers) -> None:
    asked = chat.say("bob", "/count")
    assert Job.objects.get().state == "asking"
    text = chat.say("bob", "the file")
    assert "发给我" in answer(text)
    assert Job.objects.get().state == "asking"
    message = chat.say("bob", "", **alone(b"abc", "b.txt"))
    assert run(message).state == "succeeded"
    assert answer(message) == "b.txt: 3"
    assert answer(asked)


def test_a_file_alone_is_asked_about_and_a_button_names_it(chat: Chat, answer: Answers) -> None:
    first = chat.say("bob", "", **alone(b"first", "1.txt"))
    chat.say("bob", "", **alone(b"second", "2.txt"))
    assert "收到 1.txt" in answer(first)
    (button,) = Delivery.objects.get(message=first).card["buttons"]
    message = chat.say("bob", button["cmd"])
    assert Job.objects.get(message=message).parameters["file"]["name"] == "1.txt"
    run(message)
    assert answer(message) == "1.txt: 5"


def test_without_a_skill_for_it_it_says_so(chat: Chat, answer: Answers) -> None:
    Grant.objects.filter(permission="skill.count").delete()
    message = chat.say("bob", "", **alone())
    assert "没有处理文件的" in answer(message)
    assert Delivery.objects.get(message=message).card["buttons"] == []


def test_somebody_elses_file_cannot_be_named(chat: Chat, answer: Answers) -> None:
    theirs = chat.say("carol", "", **alone(b"secret"))
    message = chat.say("bob", f"/count file={theirs.pk}/0")
    assert "找不到这个文件" in answer(message)
    assert not Job.objects.exists()
    # Nor by parameters that come as JSON, which are not looked at before the job starts.
    own = chat.say("bob", "/count", **sent())
    value = {"message": theirs.pk, "index": 0, "name": "x"}
    Job.objects.filter(message=own).update(parameters={"file": value})
    assert run(own).state == "failed"
    assert "secret" not in answer(own)


def test_a_second_run_fetches_nothing_twice(chat: Chat) -> None:
    message = chat.say("bob", "/count", **sent())
    run(message)
    kept = StoredFile.objects.filter(made=False)
    assert kept.count() == 1
    message.refresh_from_db()
    assert "data" not in message.payload["attachments"][0]
    Job.objects.filter(message=message).update(state="waiting", finished_at=None)
    run(message)
    assert kept.count() == 1


@pytest.mark.parametrize(
    ("data", "name", "why"),
    [
        (b"\x7fELF" + bytes(60), "a.txt", "可执行"),
        (b"x", "a.exe", "可执行"),
        (b"BZh9" + b"x" * 9, "a.bz2", "无法检查"),
    ],
)
def test_an_unsafe_file_is_refused_before_the_skill_sees_it(
    chat: Chat, answer: Answers, data: bytes, name: str, why: str
) -> None:
    message = chat.say("bob", "/count", **sent(data, name))
    assert run(message).state == "failed"
    assert why in answer(message)
    assert not StoredFile.objects.exists()


def test_what_a_skill_makes_goes_out_with_the_answer(chat: Chat, bob: Person) -> None:
    message = chat.say("bob", "/count", **sent(b"hello"))
    run(message)
    row = Delivery.objects.get(message=message, role="answer")
    made = StoredFile.objects.get(made=True)
    assert row.files == [str(made.uid)]
    assert (files.read(made), made.person_id) == (b"HELLO", bob.pk)
    (parcel,), unfit = marks.prepare([row])
    assert not unfit
    # This platform has no files of its own: the answer says where they are.
    assert parcel.outgoing.files == ()
    assert parcel.outgoing.links[0].url == files.link(made)
    assert files.link(made) in parcel.outgoing.card.to_json()["blocks"][-1]["text"]


def test_a_file_that_is_gone_does_not_hold_up_the_answer(chat: Chat) -> None:
    message = chat.say("bob", "/count", **sent())
    run(message)
    StoredFile.objects.all().delete()
    (parcel,), _ = marks.prepare([Delivery.objects.get(message=message, role="answer")])
    assert parcel.outgoing.links == ()


def test_too_many_files_fail_the_job(chat: Chat, roles: dict[str, Role], answer: Answers) -> None:
    def many(ctx: Context) -> Reply:
        return Reply("x", files=tuple(ctx.file(f"{n}.txt", "x") for n in range(6)))

    skill(zh="很多")(many)
    Grant.objects.create(role=roles["member"], permission="skill.many")
    message = chat.say("bob", "/many")
    assert run(message).state == "failed"
    assert "最多 5 个" in answer(message)


def test_fetching_over_the_wire(chat: Chat, answer: Answers) -> None:
    with WebhookStand() as stand:
        bots.update_settings(chat.bot, stand.config(), Actor.system("test"))
        stand.lent["/files/a"] = b"from afar"
        there = {"type": "file", "name": "a.txt", "url": f"{stand.url}/files/a"}
        payload = {"attachments": [there]}
        message = chat.say("bob", "/count", payload=payload)
        assert run(message).state == "succeeded"
        assert answer(message) == "a.txt: 9"
        stand.lent.clear()
        message = chat.say("bob", "/count", payload=payload)
        assert run(message).state == "failed"
        assert "404" in answer(message)
